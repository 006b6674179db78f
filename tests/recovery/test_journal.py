"""The journal's file: what a host wrote is read, from several folders once; what was forged,
removed, moved, cut off or is another's is named in words."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.checks import run_checks
from django.test import override_settings

from permissions.keys import binding_key
from permissions.recovery import journal
from permissions.recovery.journal import Entry, JournalFault

pytestmark = pytest.mark.no_database

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Keys and a journal of the test's own, on the host `web-1`."""
    request.getfixturevalue("loaded")  # a key store
    with override_settings(
        BINDING_FOLDER=str(tmp_path / "keys" / "binding"),
        JOURNAL_FOLDER=str(tmp_path / "journal"),
        HOST_NAME="web-1",
    ):
        binding_key.begin()
        yield tmp_path / "journal"


def entries(count: int, at: datetime = NOW) -> list[Entry]:
    return [
        Entry(uuid4(), at + timedelta(seconds=number), "release", {"columns": {"ended": True}})
        for number in range(count)
    ]


def lines_of(path: Path) -> list[bytes]:
    return [one for one in path.read_bytes().split(b"\n") if one]


def rewrite(path: Path, lines: list[bytes]) -> None:
    path.write_bytes(b"".join(b"\n" + one + b"\n" for one in lines))


def on_host(name: str) -> Any:
    return override_settings(HOST_NAME=name)


def test_what_was_appended_is_read_in_order_and_twice_is_once(folder: Path) -> None:
    first, more = entries(3), entries(2, NOW + timedelta(hours=1))
    assert journal.last() is None
    assert journal.append(first) == 3
    assert journal.append([*first[1:], *more]) == 7
    assert journal.read() == [*first, *more]
    last = journal.last()
    assert last == (7, last.mac if last else b"")


def test_hosts_are_merged_and_copies_of_a_file_count_once(folder: Path, tmp_path: Path) -> None:
    ours, later = entries(2), entries(1, NOW + timedelta(hours=2))
    theirs = entries(2, NOW + timedelta(hours=1))
    journal.append(ours)
    shutil.copytree(folder, tmp_path / "copy")
    with on_host("web-2"):
        journal.append(theirs)
    journal.append(later)
    assert journal.read() == [*ours, *theirs, *later]
    assert journal.read([tmp_path / "copy", folder]) == [*ours, *theirs, *later]
    with pytest.raises(JournalFault, match=r"web-1 was cut off: its last entry is 2, and entry 3"):
        journal.read([tmp_path / "copy"])
    (folder / "web-2.journal").unlink()
    with pytest.raises(JournalFault, match="web-2 is missing"):
        journal.read()
    assert journal.read(without={"web-2"}) == [*ours, *later]


def test_nothing_of_an_entry_shows_and_all_have_one_size(folder: Path) -> None:
    small = Entry(uuid4(), NOW, "row_mac", {})
    large = Entry(uuid4(), NOW, "bound_access", {"record": "x" * 400, "unit": str(uuid4())})
    journal.append([small, large])
    content = (folder / "web-1.journal").read_bytes()
    for word in (b"row_mac", b"bound_access", b"record", large.data["unit"].encode()):
        assert word not in content
    sizes = {len(one) for one in lines_of(folder / "web-1.journal")[1:]}
    assert len(sizes) == 1


def test_a_line_that_a_kill_left_is_none_and_spoils_no_other(folder: Path) -> None:
    path = folder / "web-1.journal"
    first, more = entries(2), entries(1, NOW + timedelta(hours=1))
    journal.append(first)
    whole = path.read_bytes()
    for left in (b"\nE 3 1 ", b"\n", b"\nE 3 1 abc def "):
        path.write_bytes(whole + left)
        assert journal.read() == first
    journal.append(more)
    assert journal.read() == [*first, *more]


FORGED = {
    "one is missing": (lambda one: [*one[:2], *one[3:]], "entry 2 is missing or out of order"),
    "two are exchanged": (lambda one: [*one[:2], one[3], one[2], *one[4:]], "entry 2 is missing"),
    "one is there again": (lambda one: [*one[:3], one[2], *one[3:]], "entry 3 is missing"),
    "its end is gone": (lambda one: one[:-1], "was cut off: its last entry is 3"),
    "its beginning is gone": (lambda one: one[1:], "lacks its beginning"),
    "a letter differs": (
        lambda one: [
            *one[:2],
            one[2][:-66] + b"0" * 64 + b" .",
            *one[3:],
        ],
        "entry 2 was forged, or one before it was",
    ),
    "what it says differs": (
        lambda one: [*one[:2], one[2][:40] + b"AAAA" + one[2][44:], *one[3:]],
        "an entry was not made by this server for this host",
    ),
    "words": (lambda one: [*one, b"hello, there ."], "an entry is not readable"),
    "nothing is left": (lambda one: [], "is empty"),
}


@pytest.mark.parametrize("how", FORGED)
def test_what_was_changed_is_named_in_words(folder: Path, how: str) -> None:
    change, words = FORGED[how]
    journal.append(entries(4))
    path = folder / "web-1.journal"
    rewrite(path, change(lines_of(path)))
    with pytest.raises(JournalFault, match=words):
        journal.read()


def test_an_entry_of_another_host_or_of_another_server_is_foreign(
    folder: Path, tmp_path: Path
) -> None:
    with on_host("web-2"):
        journal.append(entries(2))
    shutil.copy(folder / "web-2.journal", folder / "web-3.journal")
    with pytest.raises(JournalFault, match=r"web-3 .* was not made by this server for this host"):
        journal.read()
    (folder / "web-3.journal").unlink()
    with override_settings(BINDING_FOLDER=str(tmp_path / "other")):
        binding_key.begin()
        with pytest.raises(JournalFault, match="was not made by this server"):
            journal.read()


def test_one_that_was_written_by_who_holds_an_ended_key_is_not_taken(folder: Path) -> None:
    first, more = entries(1), entries(1, NOW + timedelta(hours=1))
    journal.append(first)
    path = folder / "web-1.journal"
    fork = path.read_bytes()
    binding_key.begin_next()
    journal.append(more)
    binding_key.end_older()
    assert journal.read() == [*first, *more], "what an ended key wrote is read"
    last = journal.append(entries(1))
    path.write_bytes(fork)
    with pytest.raises(JournalFault, match=f"cut off: its last entry is 1, and entry {last}"):
        journal.read()


def test_old_entries_go_and_the_chain_goes_on(folder: Path) -> None:
    old, new = entries(3), entries(2, NOW + timedelta(days=30))
    journal.append([*old, *new])
    whole = (folder / "web-1.journal").stat().st_size
    assert journal.prune(NOW + timedelta(days=35, seconds=2)) == 2
    assert (folder / "web-1.journal").stat().st_size < whole
    assert journal.prune(NOW + timedelta(days=35, seconds=2)) == 0
    more = entries(1, NOW + timedelta(days=31))
    assert journal.append(more) == 6
    assert journal.read() == [old[2], *new, *more]
    assert journal.prune(NOW + timedelta(days=365)) == 4
    assert journal.read() == []
    assert journal.append(more) == 7
    assert journal.read() == more


def test_a_journal_that_was_pruned_and_its_older_copy_agree(folder: Path, tmp_path: Path) -> None:
    old, new = entries(3), entries(2, NOW + timedelta(days=30))
    journal.append([*old, *new])
    shutil.copytree(folder, tmp_path / "copy")
    journal.prune(NOW + timedelta(days=40))
    for order in ([folder, tmp_path / "copy"], [tmp_path / "copy", folder]):
        assert journal.read(order) == [*old, *new]


def test_a_lost_file_is_begun_again_by_a_persons_word_only(folder: Path) -> None:
    first = entries(3)
    journal.append(first)
    path = folder / "web-1.journal"
    path.rename(folder / "gone")
    with pytest.raises(JournalFault, match="entry 3 was written"):
        journal.append(entries(1))
    path.unlink()
    (folder / "gone").rename(path)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    with pytest.raises(JournalFault, match="entry 3 was written"):
        journal.append(entries(1))
    assert journal.begin_again(first) == 6
    assert journal.read() == first
    assert [one.name for one in folder.glob("*.broken")]
    assert journal.append(entries(1, NOW + timedelta(days=1))) == 7
    assert len(journal.read()) == 4


def test_while_the_folder_is_away_nothing_is_written_in_its_place(folder: Path) -> None:
    journal.append(entries(1))
    folder.rename(away := folder.with_name("away"))
    with pytest.raises(OSError, match="No such file"):
        journal.append(entries(1))
    assert not folder.exists()
    away.rename(folder)
    assert journal.append(entries(1)) == 2


def test_many_writers_at_once_make_one_chain(folder: Path) -> None:
    parts = [entries(5, NOW + timedelta(hours=number)) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(journal.append, parts))
    assert journal.read() == [entry for part in parts for entry in part]


@pytest.mark.parametrize("where", ["keys/journal", "keys-copy", "."])
def test_check_deploy_finds_it_beside_its_keys(tmp_path: Path, where: str) -> None:
    def found() -> set[str | None]:
        with override_settings(KEY_COPY=str(tmp_path / "keys-copy")):
            return {one.id for one in run_checks(include_deployment_checks=True)}

    assert "permissions.E011" not in found()
    with override_settings(JOURNAL_FOLDER=str(tmp_path / where)):
        assert "permissions.E011" in found()
