"""No way out of a drill: what looks at the restored copy reaches nothing but its socket.

Two walls. The kernel's: a network namespace without a link, where this machine allows one. Python's
own: every connection but to a socket file, every name that is looked up, and every program that
would be started is refused. libpq, which is no Python, goes to the socket that the drill names.
"""

import socket
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

_NAMESPACES: Sequence[Sequence[str]] = (
    ("unshare", "--net", "--"),
    ("unshare", "--user", "--map-current-user", "--net", "--"),
)
_REFUSED = (
    *("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"),
    *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork"),
    "os.forkpty",
)
_CONNECTS = ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind")
ELSEWHERE = ("192.0.2.1", 9)  # of no one (RFC 5737)


class NoWayOut(RuntimeError):
    """Something in a drill tried to reach the world."""


def namespace() -> list[str]:
    """The words before a command that take its network away; none where the machine refuses."""
    for words in _NAMESPACES:
        try:
            if subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0:
                return list(words)
        except OSError:
            continue
    return []


def cut_off() -> None:
    """Refuse every way out of this process from now on. It cannot be taken back."""
    sys.addaudithook(_refuse)


def must_be_cut_off() -> str:
    """Try the ways out; returns which walls there are. Raises RuntimeError: one is open."""
    tries = (
        lambda: socket.create_connection(ELSEWHERE, timeout=1),
        lambda: socket.create_connection(("127.0.0.1", 25), timeout=1),
        lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"", ELSEWHERE),
        lambda: socket.getaddrinfo("example.org", 443),
        lambda: subprocess.run(["true"], check=False),  # noqa: S607
    )
    for one in tries:
        try:
            one()
        except NoWayOut:
            continue
        except OSError:
            pass
        raise RuntimeError("A way out of the drill is open.")
    if [name for _, name in socket.if_nameindex()] == ["lo"]:
        return "no network (namespace), no connection, no program"
    return "no connection, no program; this machine allows no network namespace"


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _REFUSED:
        raise NoWayOut(event)
    if event in _CONNECTS and arguments[0].family != socket.AF_UNIX:
        raise NoWayOut(event)
