"""The benchmark: `python -m bench`, or `make bench`; docs/benchmark.md says what it measures.

`frames`, `connection`, `person` are the clients; `load` makes them act, `measuring` looks at them
and at the node's processes; `scenarios/` says what is done; `report`, `plots` show what came out.
"""
