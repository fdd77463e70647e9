"""From WAMP to the use cases and back: the node's components, its authenticator and guards."""
