"""The sealed access log: every committed entry under exactly one signature, whoever writes and
whatever is killed; and whatever the owner of the database changes afterwards is found and named, by
a verifier that needs none of our code."""

import ast
import base64
import contextlib
import io
import json
import os
import resource
import signal
import subprocess
import sys
import threading
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, connections, transaction
from psycopg2.errors import InsufficientPrivilege

from permissions.database.advisory_locks import SEALING
from permissions.database.uuid7 import uuid7
from permissions.identity import credentials
from permissions.keys.keystore import key_store
from permissions.ledger import merkle, sealed_export, sealer, self_check, verifier, witness
from permissions.models import Client
from referrals import worker
from tests.support.database import IDENTIFY, hash_secret
from tests.support.seals import ROW, ask, faults, guard, partitions, put_in, seal, tampered, write
from tests.support.stories import Story

LOG = ("log_checkpoint", "log_leaf", "access_entry")
SAID = {"origin": "", "previous": "", "root": "", "seq": 1, "size": 0, "time": ""}
UNSIGNED = {"key_id": "a", "signature": ""}


# -- What is sealed --------------------------------------------------------------------------------


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
    """The id is the writer's own word: whoever has the role `app` and a credential may say it again
    in the same second, or that of an entry which was sealed long ago."""
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
    proof = reader.get(f"/v1/access-log/{receipt}/proof").json()
    assert "referral.open_packet" in proof["entry"], "a receipt is of what was sealed first"


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


def test_a_sealer_that_is_killed_at_any_moment_leaves_whole_batches(
    api: Any, superuser: Any, tmp_path: Path
) -> None:
    seal()
    name = connections["sealer"].settings_dict["NAME"]
    env = os.environ | {"CAIRN_DATABASE": str(name), "CAIRN_LOG_WITNESS": str(tmp_path / "held")}
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "manage.py", "work", "--only", "seal", "--only", "witness"],
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


# -- What somebody changed -------------------------------------------------------------------------


NEXT = "(SELECT entry_id FROM log_leaf WHERE position = %(place)s + 1)"
CHECKPOINT = "(SELECT max(seq) - 1 FROM log_checkpoint)"
SWAP = (
    "UPDATE access_entry e SET {0} = o.{0} FROM access_entry o"
    f" WHERE (e.id, o.id) IN (({ROW}, {NEXT}), ({NEXT}, {ROW}))"
)
NEWEST = "(SELECT max(seq) FROM log_checkpoint)"
# name: (what is done, what the verifier has to say, and where: the entry, or a checkpoint)
EDITS: dict[str, tuple[list[str], str, str]] = {
    "another act": (
        [f"UPDATE access_entry SET act = 'x.y' WHERE id = {ROW}"],
        "an entry was changed",
        "row",
    ),
    "another member": (
        [f"UPDATE access_entry SET member_id = gen_random_uuid() WHERE id = {ROW}"],
        "an entry was changed",
        "row",
    ),
    "another agency": (
        [f"UPDATE access_entry SET agency_id = gen_random_uuid() WHERE id = {ROW}"],
        "an entry was changed",
        "row",
    ),
    "no referral": (
        [f"UPDATE access_entry SET referral_id = NULL, referral_ids = NULL WHERE id = {ROW}"],
        "an entry was changed",
        "row",
    ),
    "a refusal made a yes": (
        [
            "UPDATE access_entry SET decision = CASE decision WHEN 'allowed' THEN 'refused'"
            f" ELSE 'allowed' END WHERE id = {ROW}"
        ],
        "an entry was changed",
        "row",
    ),
    "another purpose": (
        [f"UPDATE access_entry SET purpose = 'safety' WHERE id = {ROW}"],
        "an entry was changed",
        "row",
    ),
    "another address": (
        [f"UPDATE access_entry SET address_prefix = '198.51.100.0/24' WHERE id = {ROW}"],
        "an entry was changed",
        "row",
    ),
    "a field added to what was opened": (
        [f"UPDATE access_entry SET fields = '{{name}}' WHERE id = {ROW}"],
        "an entry was changed",
        "row",
    ),
    "edited, and hashed anew": (
        [
            f"UPDATE access_entry SET act = 'x.y' WHERE id = {ROW}",
            f"UPDATE access_entry e SET leaf = sec.leaf(e) WHERE id = {ROW}",
        ],
        "an entry was changed",
        "row",
    ),
    "edited, and its sealed leaf too": (
        [
            f"UPDATE access_entry SET act = 'x.y' WHERE id = {ROW}",
            "UPDATE log_leaf l SET leaf = sec.leaf(e) FROM access_entry e"
            " WHERE e.id = l.entry_id AND l.position = %(place)s",
        ],
        "the entries are not those that were signed",
        "checkpoint",
    ),
    "deleted": (
        [f"DELETE FROM access_entry WHERE id = {ROW}"],
        "an entry is gone",
        "row",
    ),
    "deleted, and its place too": (
        [
            f"DELETE FROM access_entry WHERE id = {ROW}",
            "DELETE FROM log_leaf WHERE position = %(place)s",
        ],
        "the entries are not those that were signed",
        "checkpoint",
    ),
    "back-dated by a month": (
        [f"UPDATE access_entry SET at = at - interval '31 days' WHERE id = {ROW}"],
        "an entry is gone",
        "row",
    ),
    "back-dated by a moment": (
        [f"UPDATE access_entry SET at = at - interval '1 second' WHERE id = {ROW}"],
        "an entry was put in after its time",
        "row",
    ),
    "truncated": (["TRUNCATE access_entry"], "an entry is gone", "row"),
    "two entries swapped": (
        [SWAP.format("act"), SWAP.format("request_id")],
        "an entry was changed",
        "row",
    ),
    "two places swapped": (
        [
            "ALTER TABLE log_leaf DROP CONSTRAINT log_leaf_position_check",
            "UPDATE log_leaf SET position = -1 WHERE position = %(place)s",
            "UPDATE log_leaf SET position = %(place)s WHERE position = %(place)s + 1",
            "UPDATE log_leaf SET position = %(place)s + 1 WHERE position = -1",
            "ALTER TABLE log_leaf ADD CONSTRAINT log_leaf_position_check CHECK (position >= 0)",
        ],
        "the entries are not those that were signed",
        "checkpoint",
    ),
    "a place behind the last": (
        [
            "INSERT INTO log_leaf SELECT (SELECT max(size) FROM log_checkpoint), gen_random_uuid(),"
            " entry_at, leaf FROM log_leaf WHERE position = %(place)s",
            "INSERT INTO access_entry SELECT (e).* FROM (SELECT jsonb_populate_record("
            "NULL::access_entry, to_jsonb(a) || jsonb_build_object('id', (SELECT entry_id FROM"
            " log_leaf ORDER BY position DESC LIMIT 1))) AS e FROM access_entry a"
            f" WHERE a.id = {ROW}) made",
        ],
        "an entry was put in after its time",
        "anywhere",
    ),
    "the oldest dropped": (
        [
            "DELETE FROM access_entry WHERE id IN (SELECT entry_id FROM log_leaf WHERE position <"
            f" (SELECT first FROM log_checkpoint WHERE seq = {CHECKPOINT}))",
            "DELETE FROM log_leaf WHERE position <"
            f" (SELECT first FROM log_checkpoint WHERE seq = {CHECKPOINT})",
            f"DELETE FROM log_checkpoint WHERE seq < {CHECKPOINT}",
        ],
        "checkpoints are missing before it",
        "checkpoint",
    ),
    "a checkpoint dropped": (
        [f"DELETE FROM log_checkpoint WHERE seq = {CHECKPOINT}"],
        "checkpoints are missing before it",
        "anywhere",
    ),
    "the newest checkpoint dropped": (
        [f"DELETE FROM log_checkpoint WHERE seq = {NEWEST}"],
        "a checkpoint that was witnessed is not there",
        "anywhere",
    ),
    "a time moved": (
        ['UPDATE log_checkpoint SET body = replace(body, \'"time":"2\', \'"time":"1\')'],
        "a signature is not that of a known key",
        "checkpoint",
    ),
    "a signature of another checkpoint": (
        [
            "UPDATE log_checkpoint SET signature = (SELECT signature FROM log_checkpoint"
            f" WHERE seq = {NEWEST}) WHERE seq = {CHECKPOINT}"
        ],
        "a signature is not that of a known key",
        "checkpoint",
    ),
    "another key named": (
        [f"UPDATE log_checkpoint SET key_id = '0000000000000000' WHERE seq = {CHECKPOINT}"],
        "a signature is not that of a known key",
        "checkpoint",
    ),
    "rolled back to an hour ago": (
        [
            "DELETE FROM access_entry WHERE id IN (SELECT entry_id FROM log_leaf WHERE position >="
            f" (SELECT first FROM log_checkpoint WHERE seq = {CHECKPOINT}))",
            "DELETE FROM log_leaf WHERE position >="
            f" (SELECT first FROM log_checkpoint WHERE seq = {CHECKPOINT})",
            f"DELETE FROM log_checkpoint WHERE seq >= {CHECKPOINT}",
        ],
        "a checkpoint that was witnessed is not there",
        "anywhere",
    ),
}


@pytest.fixture
def sealed(story: Story, api: Any, superuser: Any, tmp_path: Path, settings: Any) -> Path:
    """A log of several batches, witnessed; the file that the witness holds."""
    settings.LOG_WITNESS_FILE = str(tmp_path / "held")
    story.accept()
    for _ in range(3):
        write(api, 4)
        seal()
    while witness.step():
        pass
    superuser.commit()
    return tmp_path / "held"


@pytest.mark.parametrize("name", EDITS)
def test_what_the_owner_of_the_database_changes_is_found_and_named(
    sealed: Path, superuser: Any, name: str
) -> None:
    statements, what, where = EDITS[name]
    last = sealer.newest_checkpoint()
    assert last is not None
    place = next(sealer.checkpoints(last.seq - 2)).first + 1  # in the batch before the last
    (row,) = ask(superuser, "SELECT entry_id::text FROM log_leaf WHERE position = %s", place)
    assert faults(sealed) == []
    with tampered(superuser) as cursor:
        for statement in statements:
            cursor.execute(statement, {"place": place})
        superuser.commit()
        found = [fault for fault in faults(sealed) if fault.what == what]
    expected = {"row": row, "checkpoint": f"checkpoint {last.seq - 1}"}.get(where)
    assert found, name
    assert expected is None or expected in {fault.where for fault in found}
    assert faults(sealed) == [], "all is as it was again"


# What the entry says then is another thing; written out carelessly it would be the same text.
ALIKE = {
    "the same day before Christ": "at = (at::timestamp::text || ' BC')::timestamp",
    "two fields as one": "fields = ARRAY[array_to_string(fields, ',')]",
    "a field that is none": "fields = array_append(fields, NULL)",
    "fields in a field": "fields = ARRAY[fields]",
    "fields counted from another number": "fields = ('[0:1]=' || fields::text)::text[]",
}


@pytest.mark.parametrize("name", ALIKE)
def test_what_reads_otherwise_is_never_the_same_text(
    sealed: Path, story: Story, api: Any, superuser: Any, name: str
) -> None:
    """sec.leaf_text."""
    story.release("name", "phone").packet(name="Invented Person", phone="406-555-0100")
    opened = api("ywca.worker").act(story.id, "open_packet", {"purpose": "intake"})
    receipt = opened.json()["receipt"]
    seal()
    assert faults() == []
    with tampered(superuser) as cursor:
        cursor.execute(f"UPDATE access_entry SET {ALIKE[name]} WHERE id = %s", [receipt])
        cursor.execute(
            "UPDATE log_leaf l SET entry_at = e.at FROM access_entry e"
            " WHERE e.id = %s AND l.entry_id = e.id",
            [receipt],
        )
        superuser.commit()
        assert faults() == [verifier.Fault("an entry was changed", receipt)]


def test_an_entry_put_in_afterwards_is_found(sealed: Path, superuser: Any) -> None:
    with tampered(superuser) as cursor:
        made = put_in(cursor, "ORDER BY xact")
        superuser.commit()
        assert faults(sealed) == [verifier.Fault("an entry was put in after its time", made)]


def test_an_entry_of_a_transaction_to_come_is_found_and_waits_for_no_seal(
    sealed: Path, superuser: Any
) -> None:
    """No sealer comes to it for years, and until then it is as good as any on an auditor's page."""
    with tampered(superuser) as cursor:
        made = put_in(cursor, "ORDER BY xact DESC", later=1 << 40)
        guard(cursor, [*partitions(superuser), "access_entry"], "ENABLE ALWAYS")
        cursor.execute("UPDATE log_watch SET seq = 0, at = NULL, faults = 0 WHERE what = 'new'")
        superuser.commit()
        assert faults() == [verifier.Fault("an entry was put in after its time", made)]
        while self_check.step():
            pass
        assert ask(superuser, "SELECT faults > 0 FROM log_watch WHERE what = 'new'") == (True,)
    self_check.record_full_check([])


def test_a_log_signed_anew_with_another_key_is_found(sealed: Path, superuser: Any) -> None:
    """Whoever owns the server and makes a key of his own: nobody knows it."""
    key = Ed25519PrivateKey.generate()
    with tampered(superuser) as cursor:
        cursor.execute("SELECT seq, body FROM log_checkpoint")
        for seq, body in cursor.fetchall():
            cursor.execute(
                "UPDATE log_checkpoint SET signature = %s WHERE seq = %s",
                [key.sign(body.encode()), seq],
            )
        superuser.commit()
        found = faults(sealed)
    assert {fault.what for fault in found} == {"a signature is not that of a known key"}


def test_even_with_the_key_a_log_made_anew_is_not_the_one_that_was_witnessed(
    sealed: Path, superuser: Any
) -> None:
    """An operator with code and keys edits, and seals all of it again: the witness holds it."""
    with tampered(superuser) as cursor:
        cursor.execute("TRUNCATE log_leaf, log_checkpoint")
        cursor.execute("UPDATE access_entry SET act = 'x.y' WHERE act = 'referral.accept'")
        for partition in partitions(superuser):
            cursor.execute(f"UPDATE {partition} e SET leaf = sec.leaf(e::access_entry)")
        superuser.commit()
        seal()
        assert faults() == [], "in itself it is sound"
        assert {fault.what for fault in faults(sealed)} & {
            "a checkpoint is not the one that was witnessed",
            "a checkpoint that was witnessed is not there",
        }
        with pytest.raises(witness.LedgerForked):
            witness.step()


@pytest.mark.parametrize("role", ["default", "auditor", "editor", "jobs", "door", "sealer"])
@pytest.mark.parametrize("table", LOG)
def test_no_serving_role_can_change_what_stands_there(sealed: Path, role: str, table: str) -> None:
    for statement in (f"DELETE FROM {table}", f"TRUNCATE {table}"):
        assert _refused(role, statement), statement
    column = {"log_checkpoint": "key_id", "log_leaf": "leaf", "access_entry": "act"}[table]
    assert _refused(role, f"UPDATE {table} SET {column} = {column}")


def _refused(role: str, statement: str) -> bool:
    try:
        with transaction.atomic(using=role), connections[role].cursor() as cursor:
            cursor.execute(statement)
    except ProgrammingError as error:
        return isinstance(error.__cause__, InsufficientPrivilege)
    return False


# -- Witness, restore, keys ------------------------------------------------------------------------


def test_a_witness_that_was_killed_in_a_line_goes_on(sealed: Path, api: Any) -> None:
    whole = sealed.read_bytes()
    sealed.write_bytes(whole + b'{"body": "cut o')
    write(api)
    seal()
    assert not witness.step()
    lines = sealed.read_text().splitlines()
    assert len(lines) == len(whole.splitlines()) + 1
    assert faults(sealed) == []


def test_a_witness_whose_file_is_gone_is_begun_anew_and_not_in_silence(
    sealed: Path, superuser: Any
) -> None:
    """A disk that is not mounted: what is written there knows of no change that was made before."""
    last = sealer.newest_checkpoint()
    assert last is not None
    sealed.unlink()
    with structlog.testing.capture_logs() as lines:
        while witness.step():
            pass
        witness.step()
    assert [one for one in lines if one["event"] == "witness_gone"] == [
        {"event": "witness_gone", "log_level": "error", "where": f"checkpoint {last.seq}"}
    ]
    assert witness.last_witnessed().seq == last.seq  # type: ignore[union-attr]
    assert faults(sealed) == []


def test_a_disk_that_is_full_half_way_witnesses_nothing(
    sealed: Path, api: Any, superuser: Any
) -> None:
    """The first write to it is cut short, and no error."""
    held = witness.last_witnessed()
    write(api)
    seal()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (sealed.stat().st_size + 10, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            witness.step()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    told = "SELECT seq FROM log_watch WHERE what = 'witness'"
    assert held is not None
    assert ask(superuser, told) == (held.seq,)
    assert witness.last_witnessed() == held
    witness.step()
    assert faults(sealed) == []


def test_after_a_restore_the_lost_tail_is_signed_into_the_log_as_a_gap(
    sealed: Path, superuser: Any, api: Any
) -> None:
    last = sealer.newest_checkpoint()
    assert last is not None
    with tampered(superuser) as cursor:  # yesterday's backup: one batch lost, one entry unsealed
        cursor.execute("DELETE FROM log_checkpoint WHERE seq = %s", [last.seq])
        cursor.execute(
            "DELETE FROM access_entry WHERE id IN (SELECT entry_id FROM log_leaf"
            " WHERE position > %s)",
            [last.first],
        )
        cursor.execute("DELETE FROM log_leaf WHERE position >= %s", [last.first])
        guard(cursor, [*partitions(superuser), "access_entry"], "ENABLE ALWAYS")
        superuser.commit()
        call_command("seals", "restore")
        made = sealer.newest_checkpoint()
        assert made is not None
        assert made.signed_content["gap"] == {
            "from_seq": last.seq,
            "to_seq": last.seq,
            "entries": last.size - last.first,
        }
        assert made.seq == last.seq + 1
        write(api)
        seal()
        chain = verifier.Chain(sealed_export.public_keys())
        assert list(verifier.check(sealed_export.verifier_lines(), chain)) == []
        assert list(verifier.compare(sealed.read_text().splitlines(), chain)) == []
        (gap,) = (line for line in verifier.summary(chain) if line.startswith("GAP: "))
        assert f"checkpoints {last.seq} to {last.seq}" in gap
        while witness.step():
            pass
        # type: ignore[union-attr]
        assert witness.last_witnessed().body == sealer.newest_checkpoint().body
        assert faults(sealed) == [], "the witness goes on behind the gap, and holds what was lost"


def test_between_a_restore_and_its_seals_nothing_is_said_to_have_been_put_in(
    sealed: Path, superuser: Any, api: Any, capsys: Any
) -> None:
    """The new cluster's own entries, as of `keys restore`, have low numbers. Whoever checks before
    `seals restore` is told to run that, of what was changed as ever, and auditors of nothing."""
    with tampered(superuser) as cursor:
        cursor.execute("UPDATE log_checkpoint SET xact_before = xact_before + (1::bigint << 40)")
        cursor.execute(
            "UPDATE log_watch SET seq = 0, at = NULL, faults = 0, first_fault = NULL"
            " WHERE what = 'new'"
        )
        guard(cursor, [*partitions(superuser), "access_entry"], "ENABLE ALWAYS")
        superuser.commit()
        write(api)
        while self_check.step():
            pass
        with pytest.raises(CommandError, match="seals restore"):
            call_command("seals", "verify")
        assert ask(superuser, "SELECT faults FROM log_watch WHERE what = 'new'") == (0,)
        assert "FAULT" not in capsys.readouterr().out
        cursor.execute("DELETE FROM log_leaf WHERE position = 1")
        superuser.commit()
        with pytest.raises(CommandError, match="faults"):
            call_command("seals", "verify")
    self_check.record_full_check([])


def test_entries_sealed_before_a_restore_stop_no_sealer_when_their_numbers_come_again(
    sealed: Path, superuser: Any, api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new cluster comes to the numbers of more than a batch of old entries, and between them and
    the next entry of its own there was none: at night, behind an import."""
    (now,) = ask(superuser, "SELECT pg_current_xact_id()::text::bigint")
    with tampered(superuser) as cursor:
        cursor.execute("UPDATE access_entry SET xact = %s", [now + 200])
        guard(cursor, [*partitions(superuser), "access_entry"], "ENABLE ALWAYS")
        superuser.commit()
        call_command("seals", "restore")
        monkeypatch.setattr(sealer, "BATCH", 4)
        while ask(superuser, "SELECT pg_current_xact_id()::text::bigint") <= (now + 200,):
            superuser.commit()
        superuser.commit()
        write(api, 2)
        for _ in range(3):
            sealer.step()
        assert sealer.count_unsealed() == 0


def test_no_gap_leads_a_witness_to_a_log_that_it_never_saw(
    sealed: Path, superuser: Any, api: Any
) -> None:
    """A log that was made anew, and `restore` run over it by whoever did it, with the key."""
    with tampered(superuser) as cursor:
        cursor.execute("TRUNCATE log_leaf, log_checkpoint")
        superuser.commit()
        seal()
        # type: ignore[union-attr]
        assert sealer.newest_checkpoint().seq < witness.last_witnessed().seq
        call_command("seals", "restore")
        with pytest.raises(witness.LedgerForked):
            witness.step()
    with tampered(superuser) as cursor:  # and without the key: only a signature says that it is one
        cursor.execute("SELECT max(seq) FROM log_checkpoint")
        (seq,) = cursor.fetchone()
        cursor.execute(
            "UPDATE log_checkpoint SET seq = seq + 1, first = size, body = jsonb_set(body::jsonb,"
            " '{gap}', jsonb_build_object('from_seq', seq, 'to_seq', seq, 'entries', 1))::text"
            " WHERE seq = %s",
            [seq],
        )
        superuser.commit()
        with pytest.raises(witness.LedgerForked):
            witness.step()


def test_without_the_witness_a_restore_does_not_pass_over_what_was_lost(
    sealed: Path, tmp_path: Path
) -> None:
    """On a new host its file is the one thing that knows of the lost tail."""
    before = sealer.newest_checkpoint()
    sealed.rename(tmp_path / "elsewhere")
    with pytest.raises(CommandError, match="known to the witness alone"):
        call_command("seals", "restore")
    assert sealer.newest_checkpoint() == before
    call_command("seals", "restore", "--unwitnessed")
    assert sealer.newest_checkpoint() != before


def test_what_is_restored_is_not_sealed_while_a_sealer_is_at_work(
    sealed: Path, superuser: Any
) -> None:
    ask(superuser, "SELECT pg_advisory_lock(%s, 0)", SEALING)
    try:
        with pytest.raises(CommandError, match="A sealer is at work"):
            call_command("seals", "restore")
    finally:
        ask(superuser, "SELECT pg_advisory_unlock(%s, 0)", SEALING)


def test_a_new_key_seals_on_and_the_old_seals_stay_valid(sealed: Path, api: Any) -> None:
    old = sealer.newest_checkpoint()
    call_command("seals", "rotate")
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


# -- What a reader, a witness and an auditor get ---------------------------------------------------


def test_a_receipt_is_proved_to_whoever_belongs_to_the_agency_and_to_nobody_else(
    sealed: Path, story: Story, api: Any
) -> None:
    story.release("name").packet(name="Invented Person")
    receipt = (
        api("ywca.worker").act(story.id, "open_packet", {"purpose": "intake"}).json()["receipt"]
    )
    path = f"/v1/access-log/{receipt}/proof"
    assert api("ywca.worker").get(path).json()["code"] == "not_sealed"
    seal()
    proof = api("ywca.worker").get(path).json()
    body = json.loads(proof["checkpoint"]["body"])
    siblings = [bytes.fromhex(one) for one in proof["path"]]
    right = (bytes.fromhex(proof["leaf"]), proof["place"], proof["size"], siblings)
    top = bytes.fromhex(body["root"])
    assert verifier.root_from_path(*right) == top
    assert verifier.root_from_path(bytes(32), *right[1:]) != top
    unknown = f"/v1/access-log/{uuid7()}/proof"
    for who in ("police.worker", "outsider.lead", "police.auditor"):
        other = api(who)
        assert other.get(path).json()["code"] == other.get(unknown).json()["code"] == "not_sealed"
    assert api(None).get(path).status_code == 401


def test_a_proof_holds_the_entry_for_whoever_may_read_it_and_the_verifier_checks_all_of_it(
    sealed: Path, story: Story, api: Any, verified: Any
) -> None:
    story.release("name").packet(name="Invented Person")
    opened = api("ywca.worker").act(story.id, "open_packet", {"purpose": "intake"})
    path = f"/v1/access-log/{opened.json()['receipt']}/proof"
    by_system = api("ywca.client", acting="ywca.worker")
    read = by_system.act(story.id, "open_packet", {"purpose": "safety"})
    seal()
    for who, may in (("ywca.worker", True), ("ywca.auditor", True), ("ywca.lead", False)):
        answer = api(who).get(path)
        assert answer.status_code == 200, answer.content
        entry = answer.json()["entry"]
        assert (entry is not None) is may, who
    proof = api("ywca.worker").get(path).content.decode()
    said = json.loads(json.loads(proof)["entry"])
    assert said[0] == opened.json()["receipt"]
    assert {str(story.id), "intake", "referral.open_packet"} <= set(said)
    status, told = verified("--proof", "proof", proof=proof)
    assert (status, "As it was sealed." in told) == (0, True), told
    assert f"Entry: {json.loads(proof)['entry']}\n" in told, "a proof may be of another entry"
    with sealed.open("a") as file:
        file.write(json.dumps({"seq": 1, "sha256": "0" * 64}) + "\n")
    status, told = verified("--proof", "proof", "--witness", str(sealed), proof=proof)
    assert (status, "No witness says so" in told) == (0, True), "it holds the batches before alone"
    given = json.loads(proof)
    held = json.dumps(given["checkpoint"])
    status, told = verified("--proof", "proof", "--witness", "held", proof=proof, held=held)
    assert (status, "No witness" in told) == (0, False), told
    for wrong, what in (
        (given | {"entry": given["entry"].replace("intake", "safety")}, "an entry was changed"),
        (given | {"path": ["0" * 64, *given["path"][1:]]}, "not those that were signed"),
        (
            given | {"checkpoint": given["checkpoint"] | {"key_id": "0"}},
            "not that of a known key",
        ),
    ):
        status, told = verified("--proof", "proof", proof=json.dumps(wrong))
        assert (status, what in told) == (1, True), told
    colleague = api("ywca.lead").get(path).content.decode()
    status, told = verified("--proof", "proof", proof=colleague)
    assert (status, "the entry's text is not in it" in told) == (2, True), told
    assert read.status_code == 200, read.content
    path = f"/v1/access-log/{read.json()['receipt']}/proof"
    assert by_system.get(path).json()["entry"] is not None


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        ("UPDATE access_entry SET member_id = gen_random_uuid(), purpose = 'safety'", "not as it"),
        ("UPDATE access_entry SET agency_id = gen_random_uuid()", "not as it was sealed"),
        ("DELETE FROM access_entry", "not there any more"),
        ("UPDATE access_entry SET at = at - interval '1 second'", "not there any more"),
    ],
)
def test_a_proof_of_what_was_tampered_with_is_refused_and_says_so(
    sealed: Path, story: Story, api: Any, superuser: Any, edit: str, says: str
) -> None:
    story.release("name").packet(name="Invented Person")
    opened = api("ywca.worker").act(story.id, "open_packet", {"purpose": "intake"})
    receipt = opened.json()["receipt"]
    seal()
    superuser.commit()
    with tampered(superuser) as cursor:
        cursor.execute(f"{edit} WHERE id = %s", [receipt])
        guard(cursor, [*partitions(superuser), "access_entry"], "ENABLE ALWAYS")
        superuser.commit()
        answer = api("ywca.worker").get(f"/v1/access-log/{receipt}/proof")
    assert (answer.status_code, answer.json()["code"]) == (409, "log_tampered"), answer.content
    assert says in answer.json()["detail"]
    seal()


def test_a_witness_fetches_checkpoints_and_follows_them(sealed: Path, api: Any) -> None:
    client = api("police.client")
    witnessing = Client.objects.get(client_id="demo-police")
    credentials.open_for_client(witnessing, client.secret + "-of-a-witness", ["audit:read"])
    client.secret += "-of-a-witness"
    found: list[dict[str, str]] = []
    while page := client.get(
        "/v1/access-log/checkpoints",
        {"after": str(json.loads(found[-1]["body"])["seq"]) if found else "0", "limit": "2"},
    ).json()["items"]:
        found += page
    chain = verifier.Chain(api(None).get("/v1/access-log/keys").json()["keys"])
    assert len(found) >= 3
    for one in found:
        assert chain.signed(one)
    hashes = [sha256(one["body"].encode()).hexdigest() for one in found]
    assert [json.loads(one["body"])["previous"] for one in found][1:] == hashes[:-1]
    assert api("ywca.auditor").get("/v1/access-log/checkpoints").status_code == 200
    assert api("ywca.worker").get("/v1/access-log/checkpoints").status_code == 403
    assert client.get("/v1/access-log/checkpoints", {"after": "x"}).status_code == 400


# -- The verifier ----------------------------------------------------------------------------------


def test_the_verifier_is_one_short_file_that_needs_none_of_ours() -> None:
    source = Path(verifier.__file__).read_text()
    assert len(source.splitlines()) <= 300
    names = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    ours = {name.split(".")[0] for name in names} - set(sys.stdlib_module_names)
    assert ours == {"cryptography"}


def test_it_is_downloaded_with_its_checksum_and_runs_by_itself(
    sealed: Path, api: Any, tmp_path: Path, superuser: Any
) -> None:
    answer = api(None).get("/v1/access-log/verifier.py")
    digest = base64.b64encode(sha256(answer.content).digest()).decode()
    assert answer["Repr-Digest"] == f"sha-256=:{digest}:"
    program, export = tmp_path / "verifier.py", tmp_path / "export.txt"
    program.write_bytes(answer.content)
    (tmp_path / "keys.json").write_text(json.dumps(sealed_export.public_keys()))
    export.write_text("".join(f"{line}\n" for line in sealed_export.lines()))

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", str(program), str(export), "--keys", "keys.json", *more],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )

    fine = run("--witness", str(sealed))
    *retired, reach, verdict = fine.stdout.splitlines()  # by other tests, which let a month go
    newest = sealer.newest_checkpoint()
    assert newest is not None
    assert (fine.returncode, verdict) == (0, "As it was sealed."), fine.stderr
    assert reach == f"Checkpoints 1 to {newest.seq}: {newest.size} entries."
    assert all(line.startswith("RETIRED: ") for line in retired)
    assert "No witness says so" in run().stdout
    lines = export.read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if "referral.accept" in line)
    row = json.loads(lines[at][65:])[0]
    lines[at] = lines[at].replace("referral.accept", "referral.decline")
    export.write_text("".join(f"{line}\n" for line in lines))
    wrong = run()
    assert wrong.returncode == 1
    assert f"FAULT: an entry was changed: {row}" in wrong.stdout
    export.write_text("nonsense\n")
    assert run().returncode == 2
    export.write_text("")
    assert run().returncode == 1, "an empty export is not a sound one"


@pytest.fixture
def verified(sealed: Path, tmp_path: Path) -> Any:
    """Runs the verifier over what is sealed now, as its holder does: (exit status, what it says).
    `export` is of which checkpoints, or what the file says."""

    def run(*more: str, export: Any = 0, **files: Any) -> tuple[int, str]:
        lines = sealed_export.lines(export) if isinstance(export, int) else export.splitlines()
        files = {"keys": json.dumps(sealed_export.public_keys())} | files
        files["export"] = "".join(f"{line}\n" for line in lines)
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        what = [] if "--proof" in more else ["export"]
        done = subprocess.run(
            [sys.executable, "-I", verifier.__file__, *what, "--keys", "keys", *more],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout + done.stderr

    return run


def test_a_log_whose_beginning_is_not_there_verifies_as_a_part_alone(
    sealed: Path, verified: Any
) -> None:
    newest = sealer.newest_checkpoint()
    assert newest is not None
    behind = newest.seq - 2
    status, said = verified(export=behind)
    assert status == 1
    assert f"FAULT: checkpoints are missing before it: checkpoint {behind + 1}" in said
    for more in ((), ("--witness", str(sealed))):
        status, said = verified("--after", str(behind), *more, export=behind)
        assert (status, f"Checkpoints {behind + 1} to {newest.seq}: " in said) == (0, True), said
    assert verified("--after", str(behind - 1), export=behind)[0] == 1
    with sealed.open() as held:
        hashes = [sha256(json.loads(line)["body"].encode()).hexdigest() for line in held]
    other = json.dumps({"seq": behind + 1, "sha256": hashes[0]})
    status, said = verified("--after", str(behind), "--witness", "held", export=behind, held=other)
    assert (status, "is not the one that was witnessed" in said) == (1, True)


def test_the_verifier_takes_keys_and_witnesses_as_they_are_served(
    sealed: Path, verified: Any, api: Any
) -> None:
    newest = sealer.newest_checkpoint()
    assert newest is not None
    told = {"seq": newest.seq, "sha256": newest.hash}
    keys = api(None).get("/v1/access-log/keys").content.decode()
    page = api("ywca.auditor").get("/v1/access-log/checkpoints", {"limit": "1000"}).content.decode()
    for held in (
        json.dumps(told),
        json.dumps({"type": "log.checkpoint", "timestamp": "", "data": told}),
        page,
        sealed.read_text(),
    ):
        status, said = verified("--witness", "held", keys=keys, held=held)
        assert (status, "As it was sealed." in said) == (0, True), said
        assert "No witness" not in said
    for wrong in (told | {"sha256": "0" * 64}, told | {"seq": newest.seq + 1}):
        status, said = verified("--witness", "held", held=json.dumps({"data": wrong}))
        assert (status, "witnessed: checkpoint" in said or "not there" in said) == (1, True), said


@pytest.mark.parametrize(
    "files",
    [
        {"keys": "[]"},
        {"keys": "{}"},
        {"keys": '{"keys": []}'},
        {"keys": '{"keys": {"a": 1}}'},
        {"keys": '{"a": "no key"}'},
        {"keys": "no JSON"},
        {"held": "[]"},
        {"held": "{}"},
        {"held": '{"data": {"seq": 1}}'},
        {"held": '{"body": "[]"}'},
        {"held": '{"items": 1}'},
        {"export": "nonsense"},
        {"export": '{"body": "[]", "key_id": "a", "signature": ""}'},
        {"export": '{"body": 1, "key_id": "a", "signature": ""}'},
        {"export": "{}"},
        {"export": json.dumps(UNSIGNED | {"body": json.dumps(SAID | {"gap": {"to_seq": 0}})})},
        {"export": "+ []"},
        {"export": "+ " + "[" * 100_000},
        {"export": f"{'0' * 64} -"},
        {"export": f"{'0' * 64} ~"},
        {"proof": "[]"},
        {"proof": "{}"},
        {"proof": '{"entry": null}'},
        {"proof": '{"entry": "[]", "leaf": "", "path": [1], "place": 0, "size": 1}'},
    ],
    ids=lambda files: " ".join(f"{name} {text[:30]}" for name, text in files.items()),
)
def test_what_the_verifier_cannot_read_it_says_and_never_that_it_was_tampered_with(
    verified: Any, files: dict[str, str]
) -> None:
    more = [f"--{name}" for name in files if name == "proof"]
    more += ["proof"] if more else []
    more += ["--witness", "held"] if "held" in files else []
    status, said = verified(*more, **files)
    assert (status, "Traceback" in said) == (2, False), said
    assert "Cannot be checked: " in said


def test_a_line_without_end_fills_no_memory(sealed: Path, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(json.dumps(sealed_export.public_keys()))
    done = subprocess.run(
        [sys.executable, "-I", verifier.__file__, "/dev/zero", "--keys", "keys"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)),
    )
    assert (done.returncode, "line 1: ValueError" in done.stderr) == (2, True), done.stderr


def test_whoever_wrote_the_export_does_not_write_to_the_auditors_terminal(verified: Any) -> None:
    """An id that hides the line it stands in, and a gap that would say that all is well."""
    hides = "\x1b[2K\rAs it was sealed.\x1b[8m\u202e"
    body = json.dumps(SAID | {"gap": {"from_seq": 1, "to_seq": 0, "entries": hides}})
    export = f"{'0' * 64} {json.dumps([hides])}\n{json.dumps(UNSIGNED | {'body': body})}"
    status, said = verified(export=export)
    assert (status, "FAULT: an entry was changed: \\x1b[2K" in said) == (1, True), said
    assert said.isascii()
    assert all(line.isprintable() for line in said.split("\n"))


def test_lines_that_end_as_another_system_ends_them_are_no_tampering(sealed: Path) -> None:
    chain = verifier.Chain(sealed_export.public_keys())
    lines = (line[:-1] + b"\r\n" for line in sealed_export.verifier_lines())
    assert list(verifier.check(lines, chain)) == []


@pytest.mark.no_database
def test_the_verifier_is_readable_on_a_machine_of_another_language() -> None:
    for encoding in ("ascii", "cp1252"):
        done = subprocess.run(
            [sys.executable, verifier.__file__, "--help"],
            env=os.environ | {"PYTHONIOENCODING": encoding},
            capture_output=True,
        )
        assert (done.returncode, done.stderr) == (0, b"")


def test_the_verifier_says_how_far_it_is(sealed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifier, "PROGRESS_EVERY", 5)
    told = io.StringIO()
    lines = list(sealed_export.verifier_lines())
    list(verifier.check(lines, verifier.Chain(sealed_export.public_keys()), told))
    checkpoints = [at for at, line in enumerate(lines, 1) if line.startswith(b"{")]
    passed = [at for before, at in pairwise([0, *checkpoints]) if before // 5 < at // 5]
    assert passed
    assert told.getvalue() == "".join(f"{at:,} lines\n" for at in passed)


def test_the_command_says_how_it_stands_and_ends_loudly(
    sealed: Path, superuser: Any, capsys: Any
) -> None:
    call_command("seals", "status")
    call_command("seals", "verify")
    said = capsys.readouterr().out
    assert "Not sealed yet: 0." in said
    assert "As it was sealed" in said
    with tampered(superuser) as cursor:
        cursor.execute("DELETE FROM access_entry WHERE act = 'referral.accept'")
        superuser.commit()
        with pytest.raises(CommandError, match="faults"):
            call_command("seals", "verify")


def test_what_is_sealed_and_witnessed_while_the_command_reads_is_no_fault(
    sealed: Path, api: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """It reads for minutes, as of the moment at which it began; the worker goes on."""

    class Others(io.StringIO):
        """Told how far it is, somebody reads, and that is sealed and witnessed."""

        def write(self, _text: str) -> int:
            monkeypatch.setattr(verifier, "PROGRESS_EVERY", 1_000_000)
            thread = threading.Thread(target=others)
            thread.start()
            thread.join()
            return 0

    def others() -> None:
        write(api)
        seal()
        witness.step()
        connections.close_all()

    before = witness.last_witnessed()
    monkeypatch.setattr(verifier, "PROGRESS_EVERY", 3)
    monkeypatch.setattr(sys, "stderr", Others())
    call_command("seals", "verify")
    assert "As it was sealed." in capsys.readouterr().out
    assert witness.last_witnessed() != before


def test_a_line_of_the_witness_that_a_kill_cut_off_is_passed_over_and_no_other(
    sealed: Path, capsys: Any
) -> None:
    whole = sealed.read_bytes()
    sealed.write_bytes(whole + b'{"body": "cut o')
    call_command("seals", "verify")
    assert "As it was sealed." in capsys.readouterr().out
    sealed.write_bytes(b'{"body": "cut o\n' + whole)
    with pytest.raises(CommandError, match="line 1 of the witness"):
        call_command("seals", "verify")


@pytest.mark.parametrize(
    "line", ["", "no JSON", "{}", "[]", "5", '{"body": "5"}', '{"body": "{}"}', '{"body": 5}']
)
def test_a_file_that_is_no_witness_is_said_to_be_none(sealed: Path, line: str) -> None:
    with sealed.open("a") as file:
        file.write(f"{line}\n")
    for what in ("status", "restore"):
        with pytest.raises(CommandError, match="held: its last line is no checkpoint"):
            call_command("seals", what)


def test_without_the_keys_nothing_is_handed_out_as_keys_and_nothing_is_a_fault(
    sealed: Path, tmp_path: Path, api: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is not mounted: whoever keeps an empty list outside has nothing to check by."""
    monkeypatch.setattr(key_store(), "folder", tmp_path / "nowhere")
    for what in ("keys", "verify"):
        with pytest.raises(CommandError, match="no key that seals the log"):
            call_command("seals", what)
    assert capsys.readouterr().out == ""
    assert api(None).get("/v1/access-log/keys").status_code == 503
    answer = api("ywca.auditor").post("/v1/access-log/seals/verify", {})
    assert answer.status_code == 503, answer.content


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
