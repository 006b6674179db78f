"""What runs on each host: etcd, Patroni and PostgreSQL; HAProxy; web servers; background work.

The files of deploy/ are used as they are, from /etc/cairn, as RUNBOOK.md ("A cluster") says.
"""

import json
import secrets
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.slow.cluster.ground import Ground, address, run
from tests.support.ground.repository import REPOSITORY
from tests.support.ground.waiting import until

ETC = Path("/etc/cairn")
SOCKETS = "/run/postgresql"
DATABASES = ("db1", "db2", "db3")
WEBS = ("web1", "web2")
WORKERS = ("worker1", "worker2")
ROLES = ("owner", "app", "signin", "editor", "auditor", "jobs", "sealer")
DISK = "2500m"  # of each database host, in memory
BASE_URL = "http://127.0.0.1:8000"
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


class Cluster:
    """The hosts, by name. `release` is the checkout that web and worker run."""

    def __init__(self, ground: Ground, patroni: Path, postgres: Path) -> None:
        self.ground, self.patroni, self.postgres = ground, patroni, postgres
        self.release = REPOSITORY
        self.clock: dict[str, str] = {}  # host → what its clock is off, such as "+300s"
        self.passwords = {role: secrets.token_hex(12) for role in ROLES}
        self.patroni_passwords = {
            name: secrets.token_hex(12)
            for name in ("SUPERUSER", "REPLICATION", "REWIND", "RESTAPI")
        }
        self.secret_key = secrets.token_urlsafe(48)
        self.keys = ground.folder / "keys"  # the folder that all hosts share

    # -- What is installed

    def install(self) -> None:
        """Put deploy/ and certificates to /etc/cairn, and give each database host its disk."""
        run("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", ETC)
        shutil.copytree(REPOSITORY / "deploy", ETC, dirs_exist_ok=True)
        tls = ETC / "tls"
        tls.mkdir()
        run(
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=cairn drill", "-keyout", tls / "server.key"),
            *("-out", tls / "server.crt"),
        )
        shutil.copy(tls / "server.crt", tls / "ca.crt")
        shutil.chown(tls / "server.key", "postgres", "postgres")
        (tls / "server.key").chmod(0o600)
        for host in DATABASES:
            disk = self.disk(host)
            disk.mkdir()
            run("mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0755", "tmpfs", disk)
            for place in (disk / "data", disk.parent / f"{host}-etcd", self.sockets(host)):
                place.mkdir(mode=0o755)
                shutil.chown(place, "postgres", "postgres")
            (disk / "data").chmod(0o700)
        for host in (*WEBS, *WORKERS):
            (self.ground.folder / host).mkdir()

    def disk(self, host: str) -> Path:
        return self.ground.folder / host

    def sockets(self, host: str) -> Path:
        return self.ground.folder / f"{host}-run"

    # -- Start and stop

    def start(self, host: str) -> None:
        """Start all that belongs on this host, as its boot would."""
        if host in DATABASES:
            self._start_etcd(host)
            self.start_patroni(host)
            return
        self._start_haproxy(host)
        if host in WEBS:
            self.start_web(host)
        else:
            self.start_worker(host)

    def _start_etcd(self, host: str) -> None:
        env = _settings(ETC / "cluster" / "etcd.env") | {
            "ETCD_NAME": host,
            "ETCD_LISTEN_PEER_URLS": f"http://{address(host)}:2380",
            "ETCD_INITIAL_ADVERTISE_PEER_URLS": f"http://{address(host)}:2380",
            "ETCD_LISTEN_CLIENT_URLS": f"http://{address(host)}:2379",
            "ETCD_ADVERTISE_CLIENT_URLS": f"http://{address(host)}:2379",
            "ETCD_DATA_DIR": str(self.ground.folder / f"{host}-etcd" / "data"),
            "ETCD_INITIAL_CLUSTER": ",".join(
                f"{one}=http://{address(one)}:2380" for one in DATABASES
            ),
        }
        self.ground.start(host, "etcd", ["etcd"], env, user="postgres")

    def start_patroni(self, host: str) -> None:
        env = _settings(ETC / "cluster" / "patroni.env") | {
            "HOME": "/var/lib/postgresql",
            "PATRONI_NAME": host,
            "PATRONI_RESTAPI_CONNECT_ADDRESS": f"{address(host)}:8008",
            "PATRONI_POSTGRESQL_CONNECT_ADDRESS": f"{address(host)}:5432",
            "PATRONI_POSTGRESQL_DATA_DIR": str(self.disk(host) / "data" / "cairn"),
            "PATRONI_POSTGRESQL_BIN_DIR": str(self.postgres),
            "PATRONI_POSTGRESQL_PGPASS": str(self.sockets(host) / "pgpass"),
            "PATRONI_ETCD3_HOSTS": ",".join(f"{address(one)}:2379" for one in DATABASES),
        }
        env |= {f"PATRONI_{name}_PASSWORD": text for name, text in self.patroni_passwords.items()}
        env |= {f"PASSWORD_{role.upper()}": text for role, text in self.passwords.items()}
        words = [*self._clock(host), self.patroni / "patroni", ETC / "cluster" / "patroni.yml"]
        self.ground.start(
            *(host, "patroni", words, env),
            user="postgres",
            mounts={self.sockets(host): SOCKETS},
        )
        self.ground.stop(host, "room")
        self.ground.start(host, "room", [ETC / "cluster" / "room.py"], env, user="postgres")

    def _start_haproxy(self, host: str) -> None:
        names = {f"CAIRN_{one.upper()}": address(one) for one in DATABASES}
        config = ETC / "cluster" / "haproxy.cfg"
        self.ground.start(host, "haproxy", ["haproxy", "-db", "-f", config], names)

    def start_edge(self) -> None:
        """The HAProxy before the web hosts, on the client's own address."""
        env = {f"CAIRN_{one.upper()}": f"{address(one)}:8000" for one in WEBS}
        env |= {"CAIRN_WEB_BIND": "127.0.0.1:8000", "CAIRN_WEB_NAME": "127.0.0.1:8000"}
        config = ETC / "cluster" / "haproxy-web.cfg"
        self.ground.start("client", "haproxy", ["haproxy", "-db", "-f", config], env)

    def start_web(self, host: str) -> None:
        words = [
            *(*self._clock(host), sys.executable, "-m", "gunicorn", "--config"),
            *(self.release / "deploy" / "gunicorn.conf.py", "api.wsgi"),
        ]
        env = self.environment(host) | {"CAIRN_BIND": f"{address(host)}:8000"}
        env |= {"WEB_CONCURRENCY": "1", "CAIRN_THREADS": "8"}
        self.ground.start(host, "web", words, env, cwd=self.release)

    def start_worker(self, host: str) -> None:
        words = [*self._clock(host), sys.executable, "manage.py", "worker", "run"]
        self.ground.start(host, "worker", words, self.environment(host), cwd=self.release)

    def environment(self, host: str, *, owner: bool = False) -> dict[str, str]:
        """What web, worker and commands find in their environment on this host."""
        env = {
            "CAIRN_HOME": str(self.ground.folder / host),
            "CAIRN_HOST_NAME": host,
            "CAIRN_BASE_URL": BASE_URL,
            "CAIRN_PROXIES": "1",
            "CAIRN_SECRET_KEY": self.secret_key,
            "CAIRN_KEY_FOLDER": str(self.keys),
            "CAIRN_KEY_COPY": str(self.ground.folder / "keys-copy"),
            # Shared as well: after a failover whichever host recovers reads those of all.
            "CAIRN_JOURNAL": str(self.ground.folder / "journal"),
            "CAIRN_LOG_WITNESS": str(self.ground.folder / "witness" / "log.ndjson"),
            "CAIRN_LOG_LEVEL": "WARNING",
            "CAIRN_FAILOVER": "synchronous",
            "DATABASE_URL": self._url("app"),
            "DATABASE_URL_REPLICA": self._url("app", 5001),
            "PYTHONUNBUFFERED": "1",
        }
        for role in ROLES:
            if role != "app" and (owner or role != "owner"):
                env[f"DATABASE_URL_{role.upper()}"] = self._url(role)
        return env

    def _clock(self, host: str) -> list[str]:
        """What goes before a program there, so that its clock is off."""
        if host not in self.clock:
            return []
        faked = (f"LD_PRELOAD={FAKETIME}", f"FAKETIME={self.clock[host]}")
        return ["env", *faked, "FAKETIME_DONT_FAKE_MONOTONIC=1"]

    def _url(self, role: str, port: int = 5000) -> str:
        secure = f"sslmode=verify-ca&sslrootcert={ETC / 'tls' / 'ca.crt'}&connect_timeout=3"
        return f"postgresql://{role}:{self.passwords[role]}@127.0.0.1:{port}/cairn?{secure}"

    def manage(self, host: str, *words: str, owner: bool = False, **more: str) -> tuple[int, str]:
        """Run a command of `manage.py` there: its exit status, and what it printed."""
        ended = subprocess.run(
            ["ip", "netns", "exec", host, sys.executable, "manage.py", *words],
            env=self.environment(host, owner=owner)
            | more
            | {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            cwd=self.release,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return ended.returncode, ended.stdout

    # -- What is so

    def _calls(self) -> dict[str, str]:
        """The demo network has a notice card, which needs a provider of calls. None is made."""
        token = self.ground.folder / "token"
        token.write_text("an invented token\n")
        return {
            "CAIRN_TWILIO_ACCOUNT": "AC" + "0" * 32,
            "CAIRN_TWILIO_FROM": "+14065550100",
            "CAIRN_TWILIO_TOKEN_FILE": str(token),
            "CAIRN_TWILIO_BASE": "http://127.0.0.1:9",
        }

    def members(self) -> dict[str, dict[str, Any]]:
        """Patroni's own view of its members, by name; empty while no one answers."""
        for host in DATABASES:
            try:
                with _get(f"http://{address(host)}:8008/cluster") as answer:
                    found = {one["name"]: one for one in json.load(answer)["members"]}
            except OSError:
                continue
            if any(one["role"] == "leader" for one in found.values()):
                return found
        return {}

    def leader(self) -> str:
        """The host that leads and takes writes; empty while there is none."""
        for host in DATABASES:
            try:
                with _get(f"http://{address(host)}:8008/primary") as answer:
                    if answer.status == 200:
                        return host
            except OSError:
                continue
        return ""

    def is_whole(self) -> bool:
        """Whether a leader runs, both others follow it, and one of them synchronously."""
        members = self.members()
        roles = [one["role"] for one in members.values()]
        running = all(one["state"] in ("running", "streaming") for one in members.values())
        timelines = {one.get("timeline") for one in members.values()}
        return (
            (len(members) == len(DATABASES) and running and len(timelines) == 1)
            and "sync_standby" in roles
            and all(self.is_ready(host) for host in WEBS)
        )

    def follows(self, host: str) -> bool:
        """Whether a database host streams from the leader, by its own Patroni's word."""
        if host not in DATABASES:
            return True
        try:
            with _get(f"http://{address(host)}:8008/patroni") as answer:
                said = json.load(answer)
        except OSError:
            return False
        return bool(said.get("replication_state") == "streaming")

    def is_ready(self, host: str) -> bool:
        """Whether this web host says that it can serve."""
        request = urllib.request.Request(
            f"http://{address(host)}:8000/health/ready", headers={"Host": "127.0.0.1:8000"}
        )
        try:
            with urllib.request.urlopen(request, timeout=6) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def psql(self, statement: str) -> list[list[str]]:
        """The rows of a statement, as the superuser on the leader's own socket."""
        leader = self.leader()
        if not leader:
            raise RuntimeError("no leader")
        out = run(
            *("setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups"),
            *(self.postgres / "psql", "-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1"),
            *("-h", self.sockets(leader), "-d", "cairn", "-c", statement),
        )
        return [line.split("\t") for line in out.splitlines()]

    def begin(self) -> None:
        """Start everything, with the demo network in the database."""
        for host in DATABASES:
            self._start_etcd(host)
        for host in DATABASES:
            self.start_patroni(host)
        until(lambda: bool(self.leader()), "a leader", 45)
        until(lambda: "sync_standby" in _roles(self.members()), "a synchronous standby", 90)
        self._start_haproxy("web1")
        code, said = self.manage("web1", "prepare", owner=True, **self._calls())
        if code:
            raise RuntimeError(said)
        self.start_web("web1")
        for host in ("web2", *WORKERS):
            self.start(host)
        self.start_edge()
        until(self.is_whole, "the whole cluster", 120)


def _roles(members: dict[str, dict[str, Any]]) -> Iterable[str]:
    return [one["role"] for one in members.values()]


def _get(url: str) -> Any:
    return urllib.request.urlopen(url, timeout=2)


def _settings(file: Path) -> dict[str, str]:
    """The lines NAME=VALUE of an environment file, as systemd reads them."""
    lines = (line for line in file.read_text().splitlines() if line and not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines)
