"""Other servers and this one, driven in turn by one load driver: `python -m bench.peers DIR`."""
