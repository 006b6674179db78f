"""Ports for the servers that tests start: below those of outgoing connections."""

import secrets
import socket
from contextlib import suppress

FIRST, LAST = 20_000, 32_767  # from 32768 on they are outgoing connections' (ip_local_port_range)
_given: set[int] = set()


def free_port() -> int:
    """A port of this machine on which nothing listens, another one each time. No outgoing
    connection is given it before the server has it."""
    while True:
        port = FIRST + secrets.randbelow(LAST - FIRST + 1)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port
