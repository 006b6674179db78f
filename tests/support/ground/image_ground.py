"""An image built here without an engine, and processes in it as an engine starts them.

No registry is asked: the base is Debian with Python and pip, put together by mmdebstrap, in place
of python:3.13-slim. A process gets the image's user, folder and environment, a root that no one
can write, memory for /tmp and /dev/shm, process numbers of its own, and no right of root's. It
shares the machine's network.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

TOOLS = ("buildah", "netavark", "mmdebstrap", "unshare")
HELPERS = ("/usr/lib/podman", "/usr/libexec/podman", "/usr/local/lib/podman")  # of buildah
BASE = "localhost/stand-in-for-python"
# As python:3.13-slim: what it has of Debian, and pip.
PACKAGES = "python3,python3-pip,python3-venv,python-is-python3,ca-certificates,netbase,tzdata"
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")


def needs_what_builds_images() -> None:
    """Skip where an image cannot be built; in CI that is a failure."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *HELPERS))
    missing = [name for name in TOOLS if not shutil.which(name, path=path)]
    why = f"missing here: {', '.join(missing)}" if missing else ""
    if os.geteuid() != 0:
        why = "needs root, to make Debian's packages into a base and to start processes as others"
    if why and os.environ.get("CI"):
        pytest.fail(why)
    if why:
        pytest.skip(why)


@dataclass
class Store:
    """buildah with images of its own, in one folder."""

    folder: Path

    @cached_property
    def options(self) -> tuple[str, ...]:
        """Layers where the file system has them, else whole copies, which takes longer."""
        places = (f"--root={self.folder}/images", f"--runroot={self.folder}/running")
        layers = ("--storage-driver=overlay", *places)
        tried = subprocess.run(["buildah", *layers, "images"], check=False, capture_output=True)
        return ("--storage-driver=vfs", *places) if tried.returncode else layers

    def __call__(self, *words: str | Path) -> str:
        command = ["buildah", *self.options, *map(str, words)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout.strip()

    def make_base(self) -> str:
        """Put the base together of Debian's packages, and return its name."""
        context = self.folder / "base"
        context.mkdir(parents=True)
        kind = ("--quiet", "--variant=minbase", f"--include={PACKAGES}", "trixie")
        subprocess.run(["mmdebstrap", *kind, context / "debian.tar"], check=True)
        # pip asks the registry as this machine does, whose authorities may be others.
        shutil.copy(AUTHORITIES, context)
        lines = "FROM scratch", "ADD debian.tar /", f"COPY {AUTHORITIES.name} /etc/ssl/certs/"
        (context / "Dockerfile").write_text("\n".join(lines) + "\n")
        self("build", "--isolation=chroot", "--format=oci", f"--tag={BASE}", context)
        return BASE

    @contextmanager
    def root_of(self, image: str) -> Iterator[Path]:
        """The files of an image, as a folder."""
        container = self("from", "--pull=never", image)
        try:
            yield Path(self("mount", container))
        finally:
            self("rm", container)


@dataclass
class Container:
    """What runs in it. `mounts`: folder of this machine → place in the image, which may write."""

    root: Path
    config: Mapping[str, Any]
    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: Mapping[Path, str] = field(default_factory=dict)

    def command(self, words: tuple[str, ...]) -> list[str]:
        """Everything that an engine does, by the tools of any Linux."""
        image = dict(one.split("=", 1) for one in self.config["Env"])
        given = [f"{name}={value}" for name, value in {**image, **self.environment}.items()]
        user, _, group = self.config["User"].partition(":")
        inside = [
            *("/usr/bin/setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"),
            *("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"),
            *("/usr/bin/env", "-i", *given),
            *("/bin/sh", "-c", 'cd "$0" && exec "$@"', self.config["WorkingDir"], *words),
        ]
        pairs = [str(one) for pair in self.mounts.items() for one in pair]
        outside = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation=private"]
        start = ["/bin/sh", "-euc", START, str(self.root), str(len(self.mounts)), *pairs]
        return [*outside, "--", *start, *inside]

    def run(self, *words: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run to the end."""
        done = subprocess.run(self.command(words), check=False, capture_output=True, text=True)
        if check and done.returncode:
            pytest.fail(f"{' '.join(words)}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    @contextmanager
    def running(self, log: Path, *words: str) -> Iterator["Process"]:
        """Run alongside; it is ended at the end. Without words: the image's own command."""
        with log.open("wb") as file:
            outer = subprocess.Popen(
                self.command(words or tuple(self.config["Cmd"])), stdout=file, stderr=file
            )
        try:
            yield Process(outer)
        finally:
            outer.kill()
            outer.wait()


# $0: the root; $1: how many mounts; then a source and a place for each; then the command.
START = """\
mount --bind "$0" "$0"
mount -t proc proc "$0/proc"
mount -t tmpfs -o mode=0755,nosuid,size=64k tmpfs "$0/dev"
for one in null zero full random urandom; do
    : >"$0/dev/$one"
    mount --bind "/dev/$one" "$0/dev/$one"
done
mkdir "$0/dev/shm"
mount -t tmpfs -o mode=1777,nosuid,nodev,noexec,size=64m tmpfs "$0/dev/shm"
mount -t tmpfs -o mode=1777,nosuid,nodev,noexec,size=64m tmpfs "$0/tmp"
left=$1
shift
while [ "$left" -gt 0 ]; do
    mkdir -p "$0$2"
    mount --bind "$1" "$0$2"
    shift 2
    left=$((left - 1))
done
mount -o remount,bind,ro "$0" "$0"
exec chroot "$0" "$@"
"""


@dataclass
class Process:
    """A process of the image, and the one that made its surroundings."""

    outer: "subprocess.Popen[bytes]"

    def end(self, number: int, within_s: float = 40) -> int:
        """Send its first process a signal, and return its exit status."""
        children = Path(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children").read_text()
        (first,) = children.split()
        os.kill(int(first), number)
        return self.outer.wait(within_s)
