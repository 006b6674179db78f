"""RUNBOOK, "Install: a host of your own", followed to the letter in a new Debian: `make
install-drill`.

    python -m tests.slow.install_drill [--work FOLDER] [--keep]

As root, on Debian, with mmdebstrap. Its commands are the indented blocks of that section, in order,
as they stand; no text here repeats them. There is no systemd in a chroot: where a command is
`systemctl …`, what the unit would start is started by hand, with its user, its environment and its
notify socket. What the operator brings (the certificate, answers, folders) is made here. From the
first step that needs no network on, it runs in a network of its own.
"""

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.support.ground.repository import DEPLOY, REPOSITORY
from tests.support.servers.nginx_front import certify

SECTION = "## Install: a host of your own"
HOST = "cairn.install.test"
ANSWERS = (  # to what setup asks, in its order; two are wrong at first, and asked again
    *("https://cairn.install.test", HOST, "", "", "", ""),
    *("/media/keys", "/media/journal", "media/witness", "/media/witness", "", "", "", "", ""),
    *("County crisis line; 1-800-222-1234; day and night", ""),
)
ONLINE = re.compile(r"apt-get|git clone|pip install")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
READY_S = 120
GIVEN = ("PIP_CERT", "PIP_FIND_LINKS", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


def blocks() -> list[list[str]]:
    """The commands of the section: each indented block, its lines joined where they go on."""
    text = (DEPLOY / "RUNBOOK.md").read_text()
    begin = text.index(SECTION)
    section = text[begin : text.index("\n## ", begin + 1)]
    found = re.findall(r"(?:^    .*\n)+", section, re.MULTILINE)
    return [
        [line.strip() for line in re.sub(r"\\\n\s+", " ", one).splitlines() if line.strip()]
        for one in found
    ]


class Machine:
    """A new Debian below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.net: subprocess.Popen[bytes] | None = None
        self.services: dict[str, subprocess.Popen[bytes]] = {}
        self.stand_ins: list[str] = []

    def make(self) -> None:
        """Only what Debian itself has to have, and what a chroot lacks of a machine."""
        subprocess.run(
            ["mmdebstrap", "--variant=minbase", "--quiet", "trixie", str(self.root)], check=True
        )
        for one in ("proc", "dev", "sys"):
            subprocess.run(["mount", "--rbind", f"/{one}", str(self.root / one)], check=True)
        (self.root / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")  # starts nothing
        (self.root / "usr/sbin/policy-rc.d").chmod(0o755)
        with open(self.root / "etc/hosts", "a") as hosts:
            hosts.write(f"127.0.0.1 localhost {HOST}\n")
        trusted = self.root / "usr/local/share/ca-certificates"  # of this machine, for its network
        trusted.mkdir(parents=True, exist_ok=True)
        for path in Path("/usr/local/share/ca-certificates").glob("*.crt"):
            shutil.copy(path, trusted)
        if (wheels := os.environ.get("PIP_FIND_LINKS")) and Path(wheels).is_dir():
            shutil.copytree(wheels, self.root / wheels.lstrip("/"))

    def brings(self) -> None:
        """What the operator has before they begin."""
        tls = self.root / "etc/nginx/tls"
        tls.mkdir(parents=True)
        certify(tls, HOST, days=90)
        (tls / "privkey.pem").chmod(0o600)
        # What a certificate of a public authority needs no line for.
        shutil.copy(tls / "fullchain.pem", self.root / "usr/local/share/ca-certificates/drill.crt")
        (self.root / "media").mkdir(exist_ok=True)
        subprocess.run(
            ["git", "bundle", "create", "-q", str(self.root / "media/cairn.bundle"), "HEAD"],
            cwd=REPOSITORY,
            check=True,
        )

    def run(self, command: str, typed: str = "", offline: bool = True) -> None:
        """Run one command as root. Raises CalledProcessError."""
        subprocess.run(
            [*self.enter(offline), "/bin/bash", "-euc", command],
            input=typed.encode(),
            env=self.environment(),
            check=True,
        )

    def enter(self, offline: bool = True) -> list[str]:
        """The words that enter this machine; `offline`: and its own network."""
        into = []
        if offline:
            if self.net is None:
                self.net = subprocess.Popen(["unshare", "-n", "sleep", "infinity"])
                time.sleep(0.2)
                self.net_do("ip", "link", "set", "lo", "up")
            into = ["nsenter", f"--net=/proc/{self.net.pid}/ns/net"]
        return [*into, "chroot", str(self.root)]

    def net_do(self, *words: str) -> None:
        assert self.net is not None
        subprocess.run(["nsenter", f"--net=/proc/{self.net.pid}/ns/net", *words], check=True)

    def environment(self) -> dict[str, str]:
        given = {name: os.environ[name] for name in GIVEN if name in os.environ}
        return {
            "PATH": PATH,
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "DEBIAN_FRONTEND": "noninteractive",
            **given,
        }

    def systemctl(self, words: list[str]) -> None:
        """What systemd would do."""
        verb, *names = [word for word in words if not word.startswith("--")]
        self.stand_ins.append(f"systemctl {' '.join(words)}")
        if verb == "link":
            return
        for name in names:
            if name.endswith(".timer"):
                continue
            if name == "postgresql":
                (version,) = os.listdir(self.root / "etc/postgresql")
                self.run(f"pg_ctlcluster {version} main restart")
            elif name == "nginx":
                self.end(name)
                self.services[name] = self.popen(["nginx", "-g", "daemon off;"], {})
                self.until_open(443)
            else:
                self.start(name)

    def start(self, name: str) -> None:
        """Start what the unit would, as it would; wait until it says that it is ready."""
        text = (self.root / "etc/cairn/systemd" / f"{name}.service").read_text()
        files = re.findall("^EnvironmentFile=(.*)$", text, re.MULTILINE)
        (user,) = re.findall("^User=(.*)$", text, re.MULTILINE)
        (folder,) = re.findall("^WorkingDirectory=(.*)$", text, re.MULTILINE)
        reads = "".join(f"set -a; . {one}; set +a; " for one in files)
        become = f"exec setpriv --reuid={user} --regid={user} --init-groups"
        for line in re.findall("^ExecStart=(.*)$", text, re.MULTILINE):
            shell = f"cd {folder}; {reads}umask 077; {become} {line}"
            if "Type=notify" not in text:
                self.run(shell)
                continue
            path = self.root / "run" / f"notify-{name}"
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
                manager.bind(str(path))
                path.chmod(0o666)
                manager.settimeout(READY_S)
                said = {"NOTIFY_SOCKET": f"/run/notify-{name}"}
                self.services[name] = self.popen(["/bin/bash", "-euc", shell], said)
                while b"READY=1" not in manager.recv(1000):
                    pass

    def popen(self, words: list[str], besides: dict[str, str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen([*self.enter(), *words], env=self.environment() | besides)

    def until_open(self, port: int) -> None:
        end = time.monotonic() + READY_S
        ask = f"exec 3<>/dev/tcp/127.0.0.1/{port}"
        while time.monotonic() < end:
            try:
                self.run(f"{ask} 2>/dev/null")
                return
            except subprocess.CalledProcessError:
                time.sleep(0.2)
        raise TimeoutError(f"nothing listens at {port}")

    def end(self, name: str) -> None:
        if process := self.services.pop(name, None):
            process.send_signal(signal.SIGTERM)
            process.wait(60)

    def end_all(self) -> None:
        """End what was started here, PostgreSQL as well, and let go of the mounts."""
        for name in list(self.services):
            self.end(name)
        if (self.root / "etc/postgresql").is_dir() and self.net:
            for version in os.listdir(self.root / "etc/postgresql"):
                subprocess.run(
                    [*self.enter(), "pg_ctlcluster", version, "main", "stop", "-m", "fast"],
                    check=False,
                )
        if self.net:
            self.net.kill()
            self.net.wait()
        for one in ("proc", "dev", "sys"):
            subprocess.run(["umount", "-l", str(self.root / one)], check=False)


def follow(machine: Machine) -> list[tuple[str, float]]:
    """Run every command of the section; return each with its seconds."""
    took = []
    for block in blocks():
        folder = "/"
        for line in block:
            began = time.monotonic()
            print(f"# {line}", flush=True)
            if found := re.fullmatch(r"cd (\S+)", line):
                folder = found[1]
            elif line.startswith("systemctl "):
                machine.systemctl(line.split()[1:])
            else:
                if line.startswith("git clone"):
                    line = line.replace("<repository>", "/media/cairn.bundle")
                asks = line.endswith("manage.py setup")
                typed = "\n".join(ANSWERS) + "\n" if asks else ""
                machine.run(f"cd {folder}; {line}", typed, offline=not ONLINE.search(line))
            took.append((line, time.monotonic() - began))
    return took


PROOF = """\
import requests
for path in ("/health/ready", "/safety", "/accounts/login"):
    answer = requests.get("https://%s" + path, verify="/etc/nginx/tls/fullchain.pem", timeout=30)
    print(path, answer.status_code, answer.json() if "health" in path else len(answer.content))
    assert answer.status_code == 200
    if "health" in path:
        assert answer.json()["status"] == "ok", answer.json()
"""


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Follow the install of RUNBOOK.md in a new Debian."
    )
    parser.add_argument("--work", type=Path, help="an empty folder for it (default: a new one)")
    parser.add_argument("--keep", action="store_true", help="leave the folder")
    options = parser.parse_args()
    if os.geteuid() or not shutil.which("mmdebstrap"):
        print("This needs root, and `apt-get install mmdebstrap`.", file=sys.stderr)
        return 2
    if os.environ.get("INSTALL_DRILL") != "inside":  # mounts of its own, that end with it
        return subprocess.run(
            ["unshare", "-m", sys.executable, "-m", "tests.slow.install_drill", *sys.argv[1:]],
            env=os.environ | {"INSTALL_DRILL": "inside"},
            check=False,
        ).returncode
    root = options.work or Path(tempfile.mkdtemp(prefix="install-drill-"))
    machine = Machine(root)
    try:
        machine.make()
        machine.brings()
        began = time.monotonic()
        took = follow(machine)
        total = time.monotonic() - began
        machine.run(f"/srv/cairn/.venv/bin/python -c '{PROOF % HOST}'")
    finally:
        machine.end_all()
        if not options.keep:
            shutil.rmtree(root)
    for line, seconds in sorted(took, key=lambda one: -one[1])[:8]:
        print(f"{seconds:7.1f} s  {line}")
    print(f"{len(took)} commands, {total / 60:.1f} minutes, 0 corrections of the text.")
    print(f"Started by hand, for want of systemd: {'; '.join(machine.stand_ins)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
