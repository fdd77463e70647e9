"""The registry: which instances of which services are there, and how loaded they are.

`interface` says what a registry does; `memory` is the reference, `redis`, `etcd` and `consul` keep
it in a backend. `opening` makes the one that is configured, `heart` keeps an instance in it,
`picking` chooses among those that are there.
"""
