"""A log that cannot be written stops nothing: a full disk, and a reader that hangs."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import IO, Any

import pytest
import requests

from api.dev import processes
from permissions.health.log_lines import LogLines
from tests.operation.readings import value_in
from tests.support.ground.cluster import HOME
from tests.support.ground.ports import free_port
from tests.support.ground.waiting import SOON, until

LINE = "x" * 999 + "\n"
FULL = "/dev/full"  # each write to it fails as on a full disk


def told(lost: int) -> str:
    return f"{lost} were dropped"


@pytest.mark.no_database
def test_a_full_disk_raises_nothing_and_is_counted() -> None:
    with open(FULL, "w", buffering=1) as full:
        for begin in (False, True):
            lines = LogLines(full, told)
            if begin:
                lines.begin()
            for _ in range(5):
                assert lines.write(LINE) == len(LINE)
            until(lambda lines=lines: lines.dropped == 5)  # type: ignore[misc]
            lines.end()
        # What the stream still holds goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())


@pytest.mark.no_database
def test_a_reader_that_hangs_is_not_waited_for_and_learns_what_was_dropped() -> None:
    reads, writes = os.pipe()
    with open(writes, "w") as stream, open(reads, "rb", buffering=0) as reader:
        lines = LogLines(stream, told, most=10)
        lines.begin()
        for _ in range(300):  # the pipe takes 64 kB
            lines.write(LINE)
        assert lines.dropped > 200
        dropped = lines.dropped
        got: list[bytes] = []
        thread = threading.Thread(target=lambda: got.extend(iter(lambda: reader.read(4096), b"")))
        thread.start()
        until(lambda: lines._waiting.empty())
        lines.write("and on\n")
        until(lambda: b"and on" in b"".join(got))
        lines.end()
        stream.close()
        thread.join()
    text = b"".join(got).decode()
    assert f"{dropped} were dropped\n" in text
    assert text.count(LINE) == 300 - dropped
    assert lines.dropped == dropped


@pytest.fixture
def serve(django_db_setup: str, network: Any) -> Iterator[Callable[[int | IO[Any]], str]]:
    started: list[subprocess.Popen[bytes]] = []

    def begin(stderr: int | IO[Any]) -> str:
        url = f"http://127.0.0.1:{free_port()}"
        env = os.environ | {
            "CAIRN_HOME": str(HOME),
            "CAIRN_DATABASE": django_db_setup,
            "CAIRN_BASE_URL": url,
        }
        command = [*processes.gunicorn(url), "--workers", "1"]
        started.append(subprocess.Popen(command, env=env, stderr=stderr))
        processes.wait_until_ready(url, started[-1])
        return url

    yield begin
    for process in started:
        process.terminate()
    for process in started:
        process.wait(SOON)


def test_a_server_goes_on_with_a_full_disk_of_logs_and_counts_its_lines(
    serve: Callable[[int | IO[Any]], str],
) -> None:
    with open(FULL, "w") as full:
        url = serve(full)
        for _ in range(5):
            assert requests.get(f"{url}/v1/directory", timeout=10).status_code == 200
        dropped = value_in(
            requests.get(f"{url}/metrics", timeout=10).text, "cairn_log_lines_dropped_total"
        )
    assert dropped is not None
    assert dropped >= 4


def test_a_server_goes_on_while_no_one_reads_its_log(
    serve: Callable[[int | IO[Any]], str],
) -> None:
    reads, writes = os.pipe()
    try:
        url = serve(writes)
        with requests.Session() as session:
            for _ in range(400):  # of some 250 bytes each: more than the pipe takes
                assert session.get(f"{url}/health/live", timeout=10).status_code == 200
        read = os.read(reads, 200)
        assert b'"event"' in read
    finally:
        os.close(reads)
        os.close(writes)


@pytest.mark.no_database
def test_a_process_that_ends_has_written_its_lines() -> None:
    script = (
        "import sys; from permissions.health.log_lines import LogLines\n"
        "lines = LogLines(sys.stderr, str); lines.begin()\n"
        "for number in range(500): lines.write('{\"n\": %d}\\n' % number)"
    )
    done = subprocess.run([sys.executable, "-c", script], stderr=subprocess.PIPE, check=True)
    assert [json.loads(one)["n"] for one in done.stderr.splitlines()] == list(range(500))
