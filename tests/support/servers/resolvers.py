"""A resolver of names that says what a test wants."""

import socket
from collections.abc import Callable
from typing import Any

PUBLIC = ("8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001:82a::200e")

Resolver = Callable[..., list[Any]]


def answers(*addresses: str) -> Resolver:
    """A resolver that says these addresses of any name."""

    def resolve(_host: str, port: int, **_: Any) -> list[Any]:
        family = [socket.AF_INET6 if ":" in one else socket.AF_INET for one in addresses]
        pairs = zip(family, addresses, strict=True)
        return [(kind, socket.SOCK_STREAM, 6, "", (address, port)) for kind, address in pairs]

    return resolve
