"""One module for each command of `collab-wamp`: `add_parser(subparsers)` and `run(args, config)`."""
