"""Tells systemd that a service is up, and that it still lives (sd_notify(3)); without systemd,
nothing."""

import os
import socket


def tell(*states: str) -> bool:
    """Send these states, such as `READY=1` or `WATCHDOG=1`. Returns whether one listens. Twice is
    safe; a manager that does not take it is no one's failure."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address or address[0] not in "/@":
        return False
    if address[0] == "@":  # an abstract socket of Linux
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to:
            to.settimeout(1)
            to.connect(address)
            to.sendall("\n".join(states).encode())
    except OSError:
        return False
    return True
