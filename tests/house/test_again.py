"""What is tried again, and what is red at once (tests/support/ground/again.py), on recorded
failures and on real runs of small files of tests."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.ground.again import is_of_time
from tests.support.ground.repository import REPOSITORY
from tests.support.ground.waiting import SOON, until

pytestmark = pytest.mark.no_database

# First lines of failures as runs have printed them.
OF_TIME = [
    "TimeoutError: the one that waits did not come within 30 s",
    "subprocess.TimeoutExpired: Command '['make', 'run']' timed out after 60 seconds",
    "playwright._impl._errors.TimeoutError: Page.click: Timeout 30000ms exceeded.",
    "requests.exceptions.ReadTimeout: HTTPConnectionPool(host='127.0.0.1', port=31001): Read timed",
    "requests.exceptions.ConnectionError: ('Connection aborted.', ConnectionResetError(104, 'C'))",
    "ConnectionRefusedError: [Errno 111] Connection refused",
    "OSError: [Errno 98] Address already in use",
    "psycopg2.errors.QueryCanceled: canceling statement due to statement timeout",
    "django.db.utils.OperationalError: canceling statement due to statement timeout",
    "RuntimeError: the server did not start within 60 s",
    "worker 'gw1' crashed while running 'tests/policy/test_markers.py::test_no_mark_leaves'",
]
VALUES = [
    "assert 200 == 404",
    "AssertionError: ywca.worker gets packet_field.value: {'id': '1'}",
    "AssertionError: it waited\nTimeoutError: the one that waits did not come within 30 s",
    "assert 'TimeoutError: did not come within' in 'a page'",
    "django.db.utils.OperationalError: deadlock detected",
    "psycopg2.errors.DeadlockDetected: deadlock detected",
    "AssertionError: Locator expected not to contain text 'Rosalind'",
    "AssertionError: Locator expected to contain text 'Accepted'",
    "psycopg2.errors.LockNotAvailable: canceling statement due to lock timeout",
    "psycopg2.errors.QueryCanceled: canceling statement due to user request",
    "ResourceWarning: unclosed database in <sqlite3.Connection object at 0x7f>",
    "OSError: [Errno 28] No space left on device",
    "ValueError: TimeoutError: did not come within 3 s of ConnectionError",
    "Failed: DID NOT RAISE <class 'TimeoutError'>",
]

# A test that does the next thing of its list each time that it is run.
PART = """
def test_{name}():
    from pathlib import Path
    done = Path(__file__).with_suffix(".{name}")
    number = int(done.read_text()) if done.exists() else 0
    done.write_text(str(number + 1))
    what = {does!r}[number]
    if what == "time":
        raise TimeoutError("the far end did not come within 3 s")
    if what == "hangs":
        import threading
        threading.Event().wait(60)
    assert what == "green"
"""


@pytest.mark.parametrize("message", OF_TIME)
def test_a_failure_for_want_of_time_may_be_tried_again(message: str) -> None:
    assert is_of_time(message)


@pytest.mark.parametrize("message", VALUES)
def test_everything_else_is_red_at_once(message: str) -> None:
    assert not is_of_time(message)


@dataclass
class Ended:
    folder: Path
    status: int
    said: str

    def runs(self, name: str) -> int:
        return int((self.folder / f"test_parts.{name}").read_text())


Start = Callable[..., "subprocess.Popen[str]"]
Run = Callable[..., Ended]
STOPPED = """
import pytest

@pytest.fixture(scope="session", autouse=True)
def server():
    from pathlib import Path
    yield
    Path(__file__).with_name("stopped").touch()
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """`start(name=[what each run of test_name does])`, as `make test` does it; in a group of
    processes of its own, none of which outlives the test."""
    groups: list[int] = []

    def started(*options: str, **parts: list[str]) -> "subprocess.Popen[str]":
        text = "\n".join(PART.format(name=name, does=does) for name, does in parts.items())
        (tmp_path / "test_parts.py").write_text(STOPPED + text)
        (tmp_path / "pytest.ini").write_text(
            "[pytest]\nfaulthandler_timeout = 3\nfaulthandler_exit_on_timeout = true\n"
        )
        words = ["-c", str(tmp_path / "pytest.ini"), "-p", "no:randomly", "-p", "no:django"]
        words += ["-p", "no:cacheprovider", "-n", "2", "-q", *options]
        kept = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
        running = subprocess.Popen(
            [sys.executable, "-m", "tests.support.ground.again", *words, "--", str(tmp_path)],
            cwd=tmp_path,
            env=kept | {"PYTHONPATH": str(REPOSITORY)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        groups.append(running.pid)
        return running

    yield started
    for group in groups:
        with suppress(ProcessLookupError):  # all of it has ended
            os.killpg(group, signal.SIGKILL)


@pytest.fixture
def run(tmp_path: Path, start: Start) -> Run:
    def done(*options: str, **parts: list[str]) -> Ended:
        running = start(*options, **parts)
        said, _ = running.communicate()
        return Ended(tmp_path, running.returncode, said)

    return done


def test_a_value_is_red_and_is_not_tried_again(run: Run) -> None:
    ended = run(leak=["red", "green", "green"], late=["time", "green", "green"], good=["green"])
    assert ended.status == 1
    assert (ended.runs("leak"), ended.runs("late"), ended.runs("good")) == (1, 1, 1)
    assert "1 of 2 are no matter of time" in ended.said


def test_a_time_out_that_is_green_twice_is_flaky_and_not_red(run: Run) -> None:
    ended = run(late=["time", "green", "green"], good=["green"])
    assert ended.status == 0, ended.said
    assert (ended.runs("late"), ended.runs("good")) == (3, 1)
    [line] = re.findall("^FLAKY .*", ended.said, re.MULTILINE)
    assert line.endswith("test_late: TimeoutError: the far end did not come within 3 s")


@pytest.mark.parametrize("again", [["time"], ["green", "time"], ["green", "red"]])
def test_a_time_out_that_is_red_once_more_is_red(run: Run, again: list[str]) -> None:
    ended = run(late=["time", *again, "green"])
    assert ended.status == 1
    assert ended.runs("late") == 1 + len(again)
    assert "FLAKY" not in ended.said


def test_four_time_outs_are_red(run: Run) -> None:
    ended = run(**{f"late{number}": ["time", "green", "green"] for number in range(4)})
    assert ended.status == 1
    assert [ended.runs(f"late{number}") for number in range(4)] == [1] * 4
    assert "4 failed for want of time" in ended.said


@pytest.mark.whole
def test_a_hung_test_ends_the_run_with_its_name(run: Run) -> None:
    ended = run(stuck=["hangs", "hangs"], good=["green"])
    assert ended.status == 1
    assert re.search("^FAILED .*test_stuck - worker 'gw.' crashed", ended.said, re.MULTILINE)
    assert (ended.runs("stuck"), ended.runs("good")) == (2, 1)


def test_a_red_is_told_when_it_happens_with_what_repeats_it(run: Run) -> None:
    ended = run(leak=["red"])
    told, summary = ended.said.split("short test summary", 1)
    assert re.search(
        "^FAILED .*test_leak - .*assert 'red' == 'green'\n\\s*\n +- green\n", told, re.MULTILINE
    )
    assert re.search(r"python -m pytest '.*test_parts\.py::test_leak'", told)
    assert "test_leak" in summary


def said_after_ctrl_c(running: "subprocess.Popen[str]", done: Path, number: int) -> str:
    """What it says from there on, once the test that hangs has begun, its `number`th run."""
    until(lambda: done.exists() and done.read_text() == str(number))
    os.killpg(running.pid, signal.SIGINT)
    said, _ = running.communicate(timeout=SOON)
    return said


def test_ctrl_c_says_what_had_failed_and_stops_what_was_started(
    start: Start, tmp_path: Path
) -> None:
    running = start("-o", "faulthandler_timeout=600", leak=["red"], stuck=["hangs"])
    assert running.stdout
    assert any("FAILED" in line and "test_leak" in line for line in running.stdout)
    said = said_after_ctrl_c(running, tmp_path / "test_parts.stuck", 1)
    assert running.returncode == 2
    _, summary = said.split("short test summary", 1)
    assert "test_leak" in summary
    assert "Traceback" not in summary
    assert (tmp_path / "stopped").exists()


@pytest.mark.whole
def test_ctrl_c_while_one_is_tried_again_stops_what_was_started(
    start: Start, tmp_path: Path
) -> None:
    running = start("-o", "faulthandler_timeout=600", late=["time", "hangs"])
    assert running.stdout
    assert any("== again:" in line for line in running.stdout)
    (tmp_path / "stopped").unlink()  # by the first run
    said = said_after_ctrl_c(running, tmp_path / "test_parts.late", 2)
    assert running.returncode == 1
    assert "KeyboardInterrupt" in said
    assert "Traceback" not in said
    assert (tmp_path / "stopped").exists()


def test_a_run_that_could_not_begin_is_what_pytest_says(run: Run) -> None:
    assert run("--no-such-option", good=["green"]).status == 4
