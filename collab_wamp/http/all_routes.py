"""The routes of the API, all of them."""

from __future__ import annotations

from ..config import Config
from . import content_routes, session_routes, stats_routes, token_routes, version_routes
from .routes import Route


def routes(config: Config) -> tuple[Route, ...]:
    """All routes that want a token."""
    return (
        *token_routes.routes(config.auth.issued_s),
        *session_routes.ROUTES,
        *content_routes.ROUTES,
        *version_routes.ROUTES,
        *stats_routes.ROUTES,
    )
