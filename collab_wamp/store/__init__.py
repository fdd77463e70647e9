"""Where sessions are kept: the interface, a reference in memory, and Redis."""
