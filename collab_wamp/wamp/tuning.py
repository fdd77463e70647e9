"""Makes Autobahn and Crossbar quicker without touching their files, and Python's memory too.

For every message they format coloured arguments, through click, of trace messages that nobody
logs: a third of a router's time and more. What is replaced is looked for first; where a version
does not have it, nothing is changed and the log says so.
"""

from __future__ import annotations

import gc
import sys
from typing import Any

import autobahn.util
from twisted.logger import Logger

PACKAGES = ("autobahn.wamp", "autobahn.twisted", "autobahn.websocket", "crossbar.router")
FORMATTERS = ("hl", "hlval", "hlid", "hltype", "hlflag", "hluserid", "hlcontract", "pformat")

log = Logger()


def plain(value: Any = None, *_args: Any, **_kwargs: Any) -> Any:
    """In place of a formatter: a trace message shows the value as it is."""
    return value


def stop_formatting() -> int:
    """Take the formatters out of the modules that are loaded.

    Returns:
        how many were found.
    """
    if not hasattr(autobahn.util, "_HAS_CLICK"):
        log.warn("this Autobahn formats trace messages in another way: not made quicker")
        return 0
    autobahn.util._HAS_CLICK = False
    found = 0
    for name, module in list(sys.modules.items()):
        if name.startswith(PACKAGES):
            for formatter in FORMATTERS:
                if formatter in vars(module):
                    setattr(module, formatter, plain)
                    found += 1
    return found


# So many more objects than have gone may come before the youngest are gone through, and so many
# times before those that have stayed are gone through as well; the same again for the oldest. The
# first two are small, since nobody is served meanwhile: the second search goes through 25,000
# objects and takes 10 ms. What a connection leaves, some hundred objects with 24 kB, is in cycles
# and among the oldest: what waits to be found are the product of the three, half a million objects,
# or about 100 MB; where more than four times that has stayed, a quarter of it.
COLLECT_AFTER = (5_000, 5, 20)


def settle_memory() -> None:
    """Leave what is there now out of the search for garbage, and search less often.

    To be called when a process has started. Crossbar and what it imports are some hundred thousand
    objects that never go; to go through them again and again takes a third of the time of a busy
    node, and stops it for a tenth of a second each time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
