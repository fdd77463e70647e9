"""The commands of `collab-wamp`, a module each: `add_parser(subparsers)`, `run(args, config)`.

`reaching`, `fetching` and `showing` are what several of them share.
"""


class Unable(Exception):
    """What was asked for could not be done; the message is one line that says what to do."""
