"""The Python client: documents that several people edit, as plain objects in a Twisted program.

`connect` logs in to a node and stays connected; `Client.open` joins a session and gives its
`Document`. `Sync` and `Replica` are the pure part: they know no network and no clock.
"""

from .change import Change
from .client import Client, connect
from .conflicts import Conflict
from .document import Document
from .errors import ClientError
from .history import History, PastEdit
from .json_document import Author, JsonDocument, What, observe
from .observer import Rejection
from .patches import Patch, Reason
from .positions import Position
from .roster import Participant
from .self_check import Divergence
from .status import Status

__all__ = [
    "Author",
    "Change",
    "Client",
    "ClientError",
    "Conflict",
    "Divergence",
    "Document",
    "History",
    "JsonDocument",
    "Participant",
    "PastEdit",
    "Patch",
    "Position",
    "Reason",
    "Rejection",
    "Status",
    "What",
    "connect",
    "observe",
]
