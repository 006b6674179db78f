"""The machines: network namespaces on one bridge, and the processes that run on each of them.

All of it lives in a mount, process and network namespace of the drill's own: nothing of it is seen
by this machine's other processes, and all of it is gone when the drill ends, however it ends.
"""

import ctypes
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.support.ground.waiting import until

SWITCH = "switch"  # the namespace with the bridge
NETWORK = "10.99.0"
ADDRESSES = {
    "client": 5,  # the load, the partner, and the HAProxy before the web hosts
    **{f"db{number}": 10 + number for number in (1, 2, 3)},
    **{f"web{number}": 20 + number for number in (1, 2)},
    **{f"worker{number}": 30 + number for number in (1, 2)},
}


def address(host: str) -> str:
    return f"{NETWORK}.{ADDRESSES[host]}"


def run(*words: str | Path) -> str:
    """What a command printed. Raises RuntimeError with its last words where it fails."""
    ended = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise RuntimeError(f"{' '.join(map(str, words))}: {ended.stderr.strip() or ended.stdout}")
    return ended.stdout


class Ground:
    """The namespaces and processes. `folder` holds logs and all that the hosts write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: dict[tuple[str, str], subprocess.Popen[bytes]] = {}

    def make(self) -> None:
        """Lay the network. The drill itself becomes a process of `client`."""
        run("mount", "-t", "tmpfs", "tmpfs", "/run/netns")
        self._add(SWITCH)
        run("ip", "-n", SWITCH, "link", "add", "bridge", "type", "bridge")
        run("ip", "-n", SWITCH, "link", "set", "bridge", "up")
        for host in ADDRESSES:
            self._add(host)
            plug = f"to-{host}"
            run(
                *("ip", "-n", host, "link", "add", "eth0", "type", "veth"),
                *("peer", "name", plug, "netns", SWITCH),
            )
            run("ip", "-n", SWITCH, "link", "set", plug, "master", "bridge", "up")
            run("ip", "-n", host, "addr", "add", f"{address(host)}/24", "dev", "eth0")
            run("ip", "-n", host, "link", "set", "eth0", "up")
        with open("/run/netns/client") as place:
            if ctypes.CDLL(None, use_errno=True).setns(place.fileno(), 0):
                raise OSError(ctypes.get_errno(), "setns")

    def _add(self, name: str) -> None:
        run("ip", "netns", "add", name)
        run("ip", "-n", name, "link", "set", "lo", "up")

    # -- Cables

    def unplug(self, host: str) -> None:
        """Take its cable out of the switch: nothing is refused, all is lost."""
        run("ip", "-n", SWITCH, "link", "set", f"to-{host}", "down")

    def plug_in(self, host: str) -> None:
        run("ip", "-n", SWITCH, "link", "set", f"to-{host}", "up")

    # -- Processes

    def start(
        self,
        host: str,
        name: str,
        words: Sequence[str | Path],
        env: Mapping[str, str],
        *,
        user: str | None = None,
        cwd: Path | None = None,
        mounts: Mapping[Path, str] | None = None,
    ) -> None:
        """Start it on that host, with a log of its own; `mounts`: what it finds elsewhere."""
        binds = "".join(f"mount --bind '{a}' '{b}' && " for a, b in (mounts or {}).items())
        command = ["ip", "netns", "exec", host, "sh", "-c", f'{binds}exec "$@"', host]
        if user:
            command += ["setpriv", "--reuid", user, "--regid", user, "--init-groups"]
        with open(self.log(host, name), "ab") as log:
            self.processes[host, name] = subprocess.Popen(
                [*command, *map(str, words)],
                env=_plain_environment() | env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def log(self, host: str, name: str) -> Path:
        return self.folder / "log" / f"{host}-{name}.log"

    def stop(self, host: str, name: str, number: int = signal.SIGTERM, within: float = 60) -> None:
        """End one process by its signal, and wait for it. Twice is safe."""
        process = self.processes.pop((host, name), None)
        if process is not None:
            with suppress(ProcessLookupError):
                process.send_signal(number)
            process.wait(within)

    def of(self, host: str) -> list[int]:
        """The ids of all processes on a host."""
        return [int(one) for one in run("ip", "netns", "pids", host).split()]

    def power_off(self, host: str) -> None:
        """kill -9 of everything on that host, at once."""
        for process in self.of(host):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        for place in [one for one in self.processes if one[0] == host]:
            self.processes.pop(place).wait(20)
        until(lambda: not self.of(host), f"{host} is off", 20)


def _plain_environment() -> dict[str, str]:
    kept = ("PATH", "LANG", "HOME", "TZ")
    return {name: os.environ[name] for name in kept if name in os.environ}
