"""The files of a cluster hang together, and the lead goes to another host before a disk is full."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.dev.postgres import LOGIN_ROLES
from tests.support.ground.repository import DEPLOY
from tests.support.ground.waiting import until

pytestmark = pytest.mark.static

CLUSTER = DEPLOY / "cluster"
PATRONI = yaml.safe_load((CLUSTER / "patroni.yml").read_text())
ROLES = set(LOGIN_ROLES) - {"backup"}


def names(file: str) -> set[str]:
    return set(re.findall(r"^([A-Z0-9_]+)=", (CLUSTER / file).read_text(), re.MULTILINE))


def test_a_leader_without_etcd_has_stepped_down_before_another_leads() -> None:
    dcs = PATRONI["bootstrap"]["dcs"]
    assert dcs["loop_wait"] + 2 * dcs["retry_timeout"] <= dcs["ttl"]
    assert dcs["synchronous_mode"] is True, "what was answered is on a second disk"
    assert dcs["ttl"] + dcs["loop_wait"] <= 30, "and people wait for half a minute at most"


def test_each_of_cairns_roles_gets_a_password_and_may_log_in_over_tls() -> None:
    assert {f"PASSWORD_{role.upper()}" for role in ROLES} <= names("patroni.env")
    given = r"^\\set (\w+) .*\$\{(PASSWORD_\w+):-"
    used = set(re.findall(given, (DEPLOY / "init.sql").read_text(), re.M))
    assert used == {(role, f"PASSWORD_{role.upper()}") for role in ROLES}
    (rule,) = [one for one in PATRONI["postgresql"]["pg_hba"] if " cairn " in one]
    kind, _, roles, _, method = rule.split()
    assert (kind, method) == ("hostssl", "scram-sha-256")
    assert set(roles.split(",")) == ROLES


def test_the_files_name_each_other_where_they_will_be() -> None:
    for text in (
        PATRONI["bootstrap"]["post_bootstrap"],
        PATRONI["postgresql"]["custom_conf"],
        re.findall(r"--file (\S+)", (CLUSTER / "bootstrap.sh").read_text())[0],
    ):
        assert (DEPLOY / Path(text).relative_to("/etc/cairn")).is_file(), text
    for file in ("bootstrap.sh", "room.py"):
        assert os.access(CLUSTER / file, os.X_OK), file


@pytest.mark.skipif(shutil.which("haproxy") is None, reason="there is no haproxy on this machine")
@pytest.mark.parametrize("file", ["haproxy.cfg", "haproxy-web.cfg"])
def test_haproxy_takes_its_files(file: str) -> None:
    hosts = {f"CAIRN_DB{number}": f"10.0.0.1{number}" for number in (1, 2, 3)}
    hosts |= {f"CAIRN_WEB{number}": f"10.0.0.2{number}:8000" for number in (1, 2)}
    hosts |= {"CAIRN_WEB_BIND": "127.0.0.1:8000", "CAIRN_WEB_NAME": "cairn.example.org"}
    done = subprocess.run(
        ["haproxy", "-c", "-f", CLUSTER / file],
        env={"PATH": os.environ["PATH"], **hosts},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr


# -- room.py -----------------------------------------------------------------------------------


@contextmanager
def patroni(members: list[dict[str, str]]) -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """A stand-in for Patroni's REST API: its address, and what it is asked to change, by whom."""
    asked: list[tuple[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({"members": members})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append((f"{self.path} {self.headers['Authorization']}", body))
            self._answer("Successfully switched over")

        def _answer(self, said: object) -> None:
            text = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


Looking = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def looking(tmp_path: Path) -> Iterator[Looking]:
    """room.py on db1, which wants `least` MB; ended after the test."""
    begun: list[subprocess.Popen[str]] = []

    def start(address: str, least: int) -> "subprocess.Popen[str]":
        env = {
            "PATRONI_NAME": "db1",
            "PATRONI_RESTAPI_CONNECT_ADDRESS": address,
            "PATRONI_RESTAPI_USERNAME": "patroni",
            "PATRONI_RESTAPI_PASSWORD": "invented",
            "PATRONI_POSTGRESQL_DATA_DIR": str(tmp_path),
            "CAIRN_LEAST_ROOM_MB": str(least),
        }
        words = [sys.executable, "-I", str(CLUSTER / "room.py")]
        process = subprocess.Popen(words, env=env, stderr=subprocess.PIPE, text=True)
        begun.append(process)
        return process

    yield start
    for process in begun:
        process.kill()
        process.communicate()


MORE_THAN_THERE_IS = 1 << 40  # MB
LEADS = [{"name": "db1", "role": "leader"}, {"name": "db2", "role": "replica"}]


def test_a_leader_with_little_room_hands_over_to_who_has_everything(looking: Looking) -> None:
    with patroni([*LEADS, {"name": "db3", "role": "sync_standby"}]) as (address, asked):
        looking(address, MORE_THAN_THERE_IS)
        until(lambda: bool(asked))
        ((how, body),) = asked
    assert how == "/switchover Basic cGF0cm9uaTppbnZlbnRlZA=="
    assert body == {"leader": "db1", "candidate": "db3"}


def test_without_a_synchronous_standby_it_keeps_the_lead_and_says_so(looking: Looking) -> None:
    with patroni(LEADS) as (address, asked):
        process = looking(address, MORE_THAN_THERE_IS)
        assert process.stderr is not None
        assert "no synchronous standby" in process.stderr.readline()
        assert asked == []


def test_a_patroni_that_does_not_answer_ends_nothing(looking: Looking) -> None:
    process = looking("127.0.0.1:9", MORE_THAN_THERE_IS)
    assert process.stderr is not None
    assert "/cluster" in process.stderr.readline()
    assert process.poll() is None
