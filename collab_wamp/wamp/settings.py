"""The configuration of the router's process, which comes to it in the environment."""

from __future__ import annotations

import os
from functools import cache

from ..config import Config, load


@cache
def from_environment() -> Config:
    """What the supervisor has put into the environment; read once."""
    return load(os.environ)
