"""The journal of closings: what ended is known to every process, whatever becomes of the file."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.test import override_settings

from permissions.errors import Unavailable
from permissions.keys import closings

pytestmark = pytest.mark.static

CREDENTIAL = closings.CREDENTIAL_VERSION


@pytest.fixture(autouse=True)
def journal(tmp_path: Path) -> Iterator[Path]:
    with override_settings(BINDING_FOLDER=str(tmp_path)):
        closings.begin()
        yield tmp_path / "closings"


def test_what_was_closed_is_known_and_the_highest_version_counts() -> None:
    one, other = uuid4().hex, uuid4().hex
    closings.close([(one, 3), (other, 2)])
    closings.close([(one, 2)])
    closings.close([])
    assert [closings.least_version(name) for name in (one, other, uuid4().hex)] == [3, 2, 0]


def test_another_process_knows_at_its_next_look(journal: Path) -> None:
    assert closings.least_version("a" * 32) == 0
    code = (
        "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'api.settings'\n"
        "from django.test import override_settings\n"
        "from permissions.keys import closings\n"
        f"with override_settings(BINDING_FOLDER={str(journal.parent)!r}):\n"
        f"    closings.close([({'a' * 32!r}, 5)])\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert closings.least_version("a" * 32) == 5


@pytest.mark.parametrize("left", [b"\n2026-11-28T04:00:00Z ", b"\n2026-11-28T04:00:00Z %s 12"])
def test_a_line_that_a_killed_process_left_unfinished_is_none_and_spoils_no_other(
    journal: Path, left: bytes
) -> None:
    one, unfinished = uuid4().hex, uuid4().hex  # of version 123, had there been time
    with journal.open("ab") as file:
        file.write(left.replace(b"%s", unfinished.encode()))
    assert closings.least_version(unfinished) == 0
    closings.close([(one, 123)])
    assert (closings.least_version(one), closings.least_version(unfinished)) == (123, 0)


def test_compacted_it_says_the_same_but_of_credentials_that_are_over(journal: Path) -> None:
    member, credential = uuid4().hex, uuid4().hex
    for version in range(2, 300):
        closings.close([(member, version)])
    closings.close([(credential, CREDENTIAL)])
    before = journal.stat().st_size
    assert closings.compact() == 297
    assert journal.stat().st_size < before
    assert (closings.least_version(member), closings.least_version(credential)) == (299, 1)
    assert closings.compact(datetime.now(UTC) + timedelta(hours=14)) == 1
    assert (closings.least_version(member), closings.least_version(credential)) == (299, 0)


def test_no_closing_is_lost_or_forgotten_while_it_is_compacted_again_and_again() -> None:
    known = [uuid4().hex for _ in range(200)]
    closings.close([(name, 7) for name in known])

    def ask(_: int) -> bool:
        return all(closings.least_version(name) == 7 for name in known)

    def write(number: int) -> str:
        name = f"{number:032x}"
        closings.close([(name, 2)])
        return name

    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(ask, number) for number in range(60)]
        compacted = [pool.submit(closings.compact) for _ in range(30)]
        written = [pool.submit(write, number) for number in range(60)]
        assert all(one.result() for one in asked)
        assert all(closings.least_version(one.result()) == 2 for one in written)
        assert all(one.result() >= 0 for one in compacted)


def test_while_the_folder_is_away_what_was_read_holds_and_nothing_can_be_closed(
    journal: Path,
) -> None:
    one = uuid4().hex
    closings.close([(one, 4)])
    assert closings.least_version(one) == 4
    away = journal.rename(journal.with_name("away"))
    assert closings.least_version(one) == 4
    with pytest.raises(Unavailable):
        closings.close([(one, 5)])
    os.replace(away, journal)
    closings.close([(one, 5)])
    assert closings.least_version(one) == 5
