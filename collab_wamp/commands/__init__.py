"""The commands of `collab-wamp`, a module each: `add_parser(subparsers)`, `run(args, config)`."""
