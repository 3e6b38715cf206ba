"""A loopback port of its own for a server."""

import socket


def listen() -> socket.socket:
    """A socket that takes connections already, as many at once as the system allows."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(4096)
    listening.set_inheritable(True)
    return listening
