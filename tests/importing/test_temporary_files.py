"""The temporary files of an import and an export are closed on every way out: nothing of a source
stays on the disk while the process goes on (Python 3.13 reports one that is left to the collector).
"""

import gc
import resource
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from directory.exporting import export
from directory.importing.formats.source_formats import read
from directory.importing.import_package import import_package
from directory.importing.staging import Staging
from tests.support.people.hsds_source import forget, write_tables

ORGANIZATION = {"id": "o1", "name": "House of an invented source", "description": "Invented."}


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    forget()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_tables(tmp_path / "source", {"organization": [ORGANIZATION]})


def open_connections() -> list[sqlite3.Connection]:
    gc.collect()  # behind a command or a request no frame refers to what failed any more
    # By type(): isinstance would ask each lazy object of Django's for its class, and so make it.
    every = [one for one in gc.get_objects() if type(one) is sqlite3.Connection]
    return [one for one in every if is_open(one)]


def is_open(connection: sqlite3.Connection) -> bool:
    try:
        return connection.total_changes >= 0
    except sqlite3.ProgrammingError:  # closed, or another thread's
        return False


@contextmanager
def nothing_stays_open() -> Iterator[None]:
    before = open_connections()
    yield
    assert open_connections() == before


@contextmanager
def full_disk(after: int) -> Iterator[None]:
    """No file grows over `after` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (after, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def interrupt(*_: object) -> None:
    assert len(open_connections()) > 0, "what is closed behind it"
    raise KeyboardInterrupt


def test_an_import_that_is_interrupted_leaves_nothing_open(source: Path) -> None:
    with nothing_stays_open(), pytest.raises(KeyboardInterrupt):
        import_package(read(source), "test", progress=interrupt)


def test_an_import_whose_report_no_one_reads_leaves_nothing_open(source: Path) -> None:
    with nothing_stays_open():
        import_package(read(source), "test", dry=True)


def test_a_report_that_cannot_be_written_leaves_nothing_open(source: Path, tmp_path: Path) -> None:
    with nothing_stays_open(), full_disk(after=10), pytest.raises((OSError, CommandError)):
        call_command("directory", "import", str(source), "--source", "test",
                     "--report", str(tmp_path / "report.ndjson"))  # fmt: skip


def test_what_one_thread_gave_up_another_may_close() -> None:
    """The collector runs in whichever thread makes an object; a failure there is a warning, and so
    an error of this test."""

    def give_up() -> None:
        held: list[object] = [Staging()]
        held.append(held)  # a cycle, as a traceback makes one: left to the collector

    with nothing_stays_open():
        with ThreadPoolExecutor(1) as pool:
            pool.submit(give_up).result()
        assert len(open_connections()) == 0


@pytest.mark.parametrize("name", ["package", "package.zip"])
def test_an_export_to_a_full_disk_leaves_nothing_open(name: str, tmp_path: Path) -> None:
    with nothing_stays_open(), full_disk(after=600), pytest.raises(OSError, match="too large"):
        export(tmp_path / name)
