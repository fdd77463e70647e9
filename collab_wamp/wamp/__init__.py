"""From WAMP to the use cases and back: components and the processes they run in, and what guards
the router: the check of tokens, and what clients may send.
"""
