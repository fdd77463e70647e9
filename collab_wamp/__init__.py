"""Real-time collaboration on documents over WAMP."""

__version__ = "0.1.0"
