"""How much a document may have of what does not count as its length: attributes and embeds."""

from __future__ import annotations

from .errors import CollabError

# Bytes for each character that a document may have.
BULK = 8
# But for no fewer characters than this.
LEAST_LENGTH = 1 << 17


def most_bulk(max_length: int) -> int:
    """How many bytes that is, for documents of so many characters."""
    return BULK * max(max_length, LEAST_LENGTH)


def too_much_bulk(most: int) -> CollabError:
    message = f"The document's attributes and embeds would have more than {most} bytes."
    return CollabError("document_full", message, limit=most)
