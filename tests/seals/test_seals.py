"""The sealed access log: every committed entry is under exactly one signature, with many writers
and killed processes."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections, transaction

from permissions.database.uuid7 import uuid7
from permissions.keys.keystore import key_store
from permissions.ledger import merkle, sealer, verifier, witness
from referrals import worker
from tests.seals.sealed_log import sealed as sealed  # a fixture
from tests.support.ground.database import IDENTIFY, hash_secret
from tests.support.people.seals import ask, faults, seal, write
from tests.support.people.stories import Story


def test_each_committed_entry_is_sealed_once_and_nothing_is_at_fault(
    story: Story, api: Any, superuser: Any
) -> None:
    story.accept()
    seal()
    write(api, 3)
    seal()
    (sealed,) = ask(superuser, "SELECT count(*) FROM log_leaf")
    (missed,) = ask(
        superuser,
        "SELECT count(*) FROM access_entry e"
        " WHERE NOT EXISTS (SELECT FROM log_leaf l WHERE l.entry_id = e.id)",
    )
    assert missed == 0
    assert sealed == sealer.newest_checkpoint().size  # type: ignore[union-attr]
    assert sealer.count_unsealed() == 0
    assert faults() == []
    before = sealer.newest_checkpoint()
    seal()
    assert sealer.newest_checkpoint() == before, "of nothing new there is no checkpoint"


def test_an_entry_that_commits_late_is_in_a_later_batch_and_in_none_twice(
    api: Any, superuser: Any
) -> None:
    """By id or time alone it would be passed over: its transaction began before others ended."""
    late = api("police.worker")
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(IDENTIFY, [hash_secret(late.secret), ""])
            cursor.execute("SELECT pg_current_xact_id()")
        done = threading.Event()

        def others() -> None:
            write(api, 3)
            sealer.step()
            done.set()
            connections.close_all()

        thread = threading.Thread(target=others)
        thread.start()
        thread.join()
        assert done.is_set()
        waiting = sealer.count_unsealed()
        assert waiting >= 3, "nothing at or behind a transaction under way is sealed"
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO access_entry (id, agency_id, member_id, act, decision)"
                " SELECT %s, (i).agency_id, (i).member_id, 'referral.list', 'allowed'"
                " FROM (SELECT sec.identity() AS i) me",
                [uuid7()],
            )
    seal()
    assert sealer.count_unsealed() == 0
    assert faults() == []


def test_an_id_that_is_given_twice_stops_no_sealer_and_hides_no_entry(
    sealed: Path, story: Story, api: Any, superuser: Any
) -> None:
    """The writer chooses the id: a client with the role `app` and a credential may use it again in
    the same second, or use that of an entry which was sealed long ago."""
    story.release("name").packet(name="Invented Person")
    reader = api("ywca.worker")
    receipt = reader.act(story.id, "open_packet", {"purpose": "intake"}).json()["receipt"]
    seal()
    for entry_id in (again := str(uuid7()), again, receipt):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(IDENTIFY, [hash_secret(reader.secret), ""])
            cursor.execute(
                "INSERT INTO access_entry (id, agency_id, member_id, act, decision)"
                " SELECT %s, (i).agency_id, (i).member_id, 'referral.list', 'allowed'"
                " FROM (SELECT sec.identity() AS i) me",
                [entry_id],
            )
    assert sealer.count_unsealed() >= 3
    seal()
    assert faults() == []
    places = "SELECT count(*) FROM log_leaf WHERE entry_id = %s"
    assert [ask(superuser, places, one) for one in (again, receipt)] == [(2,), (2,)]
    signed = reader.get(f"/v1/access-log/{receipt}/receipt").json()
    assert "referral.open_packet" in signed["body"], "a receipt is of what was sealed first"


def test_many_write_several_seal_and_each_entry_is_in_one_batch(api: Any, superuser: Any) -> None:
    writers, each = 6, 25
    ended = threading.Event()

    def writing() -> None:
        write(api, each)
        connections.close_all()

    def sealing() -> None:
        while not ended.is_set():
            sealer.step()
        connections.close_all()

    seal()
    leaves, entries = "SELECT count(*) FROM log_leaf", "SELECT count(*) FROM access_entry"
    # Of a month that has left the log the leaves are there and the entries are not.
    (before,), (gone,) = ask(superuser, leaves), ask(superuser, f"SELECT ({leaves}) - ({entries})")
    writing_threads = [threading.Thread(target=writing) for _ in range(writers)]
    sealing_threads = [threading.Thread(target=sealing) for _ in range(3)]
    for thread in (*writing_threads, *sealing_threads):
        thread.start()
    for thread in writing_threads:
        thread.join()
    ended.set()
    for thread in sealing_threads:
        thread.join()
    seal()
    (after,) = ask(superuser, leaves)
    assert ask(superuser, entries) == (after - gone,)
    of_it = "SELECT count(*) FROM log_leaf l WHERE l.entry_id = e.id AND l.entry_at = e.at"
    assert ask(superuser, f"SELECT count(*) FROM access_entry e WHERE ({of_it}) <> 1") == (0,)
    assert after - before >= writers * each
    assert faults() == []


def test_a_batch_is_bounded_and_no_transaction_is_divided(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal()
    first = sealer.newest_checkpoint()
    monkeypatch.setattr(sealer, "BATCH", 4)
    write(api, 10)
    assert [sealer.step() for _ in range(3)] == [True, True, False], "are there more?"
    made = list(sealer.checkpoints(first.seq if first else 0))
    assert [one.size - one.first for one in made] == [4, 4, 2]
    assert faults() == []


@pytest.mark.whole
def test_a_sealer_that_is_killed_at_any_moment_leaves_whole_batches(
    api: Any, superuser: Any, tmp_path: Path
) -> None:
    seal()
    name = connections["sealer"].settings_dict["NAME"]
    env = os.environ | {"CAIRN_DATABASE": str(name), "CAIRN_LOG_WITNESS": str(tmp_path / "held")}
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "manage.py", "worker", "run", "--only", "seal", "--only", "witness"],
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            size = sealer.newest_checkpoint().size  # type: ignore[union-attr]
            while sealer.newest_checkpoint().size == size:  # type: ignore[union-attr]
                assert process.poll() is None
                write(api, 5)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    seal()
    assert sealer.count_unsealed() == 0
    assert faults(tmp_path / "held") == []


def test_a_new_key_seals_on_and_the_old_seals_stay_valid(sealed: Path, api: Any) -> None:
    old = sealer.newest_checkpoint()
    call_command("ledger", "rotate")
    write(api)
    seal()
    new = sealer.newest_checkpoint()
    assert old is not None
    assert new is not None
    assert old.key_id != new.key_id
    assert {old.key_id, new.key_id} <= set(key_store().signing_keys())
    assert faults(sealed) == []


def test_the_worker_seals_and_witnesses(sealed: Path, api: Any) -> None:
    write(api)
    assert worker.run_until_idle(worker.jobs_named(["seal", "witness"])) == []
    held, last = witness.last_witnessed(), sealer.newest_checkpoint()
    assert held is not None
    assert last is not None
    assert held.seq == last.seq
    assert sealer.count_unsealed() == 0


@pytest.mark.no_database
@pytest.mark.parametrize("size", range(1, 20))
def test_each_leaf_of_a_tree_of_any_size_is_proved_at_its_place_and_at_no_other(size: int) -> None:
    leaves = [sha256(bytes([0, number])).digest() for number in range(size)]
    top = merkle.root(leaves)
    assert top == verifier.root(leaves)
    for place, leaf in enumerate(leaves):
        path = merkle.path(leaves, place)
        proved = []
        for other in range(size + 2):
            with contextlib.suppress(ValueError, IndexError):
                proved += [other] * (verifier.root_from_path(leaf, other, size, path) == top)
        assert proved == [place]


@pytest.mark.no_database
def test_the_tree_is_that_of_rfc_9162() -> None:
    """Section 2.1.5 draws the tree of seven: ((01)(23))((45)6)."""
    leaves = [sha256(bytes([0, number])).digest() for number in range(7)]
    n = merkle.node
    left = n(n(leaves[0], leaves[1]), n(leaves[2], leaves[3]))
    assert merkle.root(leaves) == n(left, n(n(leaves[4], leaves[5]), leaves[6]))
    assert merkle.path(leaves, 6) == [n(leaves[4], leaves[5]), left]
