"""The configuration of the processes of a node, which comes to them in the environment."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from ..config import Config, load

# In the node's folder, which is the working folder of the router and of the guests.
ROUTER_SOCKET = Path("private/router.sock")


@cache
def from_environment() -> Config:
    """What the supervisor has put into the environment; read once."""
    return load(os.environ)
