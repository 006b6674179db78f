"""The units of deploy/systemd: hardened, and each of what the process in it needs."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.ground.cluster import HOME
from tests.support.ground.repository import DEPLOY, REPOSITORY

ANALYZE = shutil.which("systemd-analyze")
SERVICES = sorted((DEPLOY / "systemd").glob("*.service"))
TIMERS = sorted((DEPLOY / "systemd").glob("*.timer"))


def test_there_is_one_for_each_process() -> None:
    names = {path.stem for path in SERVICES}
    assert names == {"cairn", "cairn-worker", "cairn-migrate", "cairn-nightly"}
    assert {path.stem for path in TIMERS} <= names


@pytest.mark.skipif(ANALYZE is None, reason="there is no systemd-analyze on this machine")
@pytest.mark.parametrize("unit", SERVICES, ids=lambda path: path.stem)
def test_its_exposure_is_three_at_most(unit: Path) -> None:
    found = subprocess.run(
        [str(ANALYZE), "security", "--offline=true", "--no-pager", "--threshold=30", str(unit)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stdout[-300:] + found.stderr
    level = re.search(r"exposure level for \S+: ([\d.]+)", found.stdout)
    assert level
    assert float(level[1]) <= 3


@pytest.mark.skipif(ANALYZE is None, reason="there is no systemd-analyze on this machine")
def test_no_line_of_theirs_is_unknown_to_systemd(tmp_path: Path) -> None:
    """`verify` says what it would ignore. What they run is made here under the same names."""
    units = []
    for path in (*SERVICES, *TIMERS):
        text = path.read_text().replace("/srv/cairn/.venv/bin/python", sys.executable)
        text = text.replace("/srv/cairn/.venv/bin/gunicorn", sys.executable)
        units.append(tmp_path / path.name)
        units[-1].write_text(text)
    found = subprocess.run(
        [str(ANALYZE), "verify", "--recursive-errors=no", "--man=no", *map(str, units)],
        env=os.environ | {"SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        check=False,
        capture_output=True,
        text=True,
    )
    said = found.stdout + found.stderr
    assert not re.search("Unknown|Failed to parse|Invalid|ignoring", said, re.IGNORECASE), said


def test_each_role_is_given_to_the_units_that_need_it() -> None:
    files = {
        path.stem: re.findall(r"EnvironmentFile=\S+/(\w+)\.env", path.read_text())
        for path in SERVICES
    }
    assert files == {
        "cairn": ["cairn"],
        "cairn-worker": ["cairn", "jobs"],
        "cairn-migrate": ["cairn", "owner"],
        "cairn-nightly": ["cairn", "jobs"],
    }


def test_the_worker_tells_systemd_that_it_is_up_that_it_lives_and_that_it_ends(
    django_db_setup: str, tmp_path: Path
) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(60)
        process = subprocess.Popen(
            [sys.executable, "manage.py", "worker", "run", "--only", "count"],
            env=os.environ
            | {
                "NOTIFY_SOCKET": path,
                "CAIRN_HOME": str(HOME),
                "CAIRN_DATABASE": django_db_setup,
                "CAIRN_LOG_LEVEL": "WARNING",
            },
            cwd=REPOSITORY,
        )
        try:
            assert manager.recv(100) == b"READY=1"
            assert manager.recv(100) == b"WATCHDOG=1"
            process.send_signal(signal.SIGTERM)
            while (said := manager.recv(100)) != b"STOPPING=1":
                assert said == b"WATCHDOG=1"
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.wait()
