"""Whatever the owner of the database changes in the sealed log afterwards is found and named."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import ProgrammingError, connections, transaction
from psycopg2.errors import InsufficientPrivilege

from permissions.ledger import sealer, self_check, verifier, witness
from tests.seals.sealed_log import sealed as sealed  # a fixture
from tests.support.people.seals import ROW, ask, faults, guard, partitions, put_in, seal, tampered
from tests.support.people.stories import Story

LOG = ("log_checkpoint", "log_leaf", "access_entry")
SERVING = ("default", "auditor", "editor", "jobs", "signin", "sealer")


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
    "edited, and hashed again": (
        [
            f"UPDATE access_entry SET act = 'x.y' WHERE id = {ROW}",
            f"UPDATE access_entry e SET leaf = sec.entry_leaf(e) WHERE id = {ROW}",
        ],
        "an entry was changed",
        "row",
    ),
    "edited, and its sealed leaf too": (
        [
            f"UPDATE access_entry SET act = 'x.y' WHERE id = {ROW}",
            "UPDATE log_leaf l SET leaf = sec.entry_leaf(e) FROM access_entry e"
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
    """sec.entry_leaf_text."""
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


def test_a_log_signed_again_with_another_key_is_found(sealed: Path, superuser: Any) -> None:
    """The owner of the server makes a new key, which no verifier knows."""
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


def test_even_with_the_key_a_log_made_again_is_not_the_one_that_was_witnessed(
    sealed: Path, superuser: Any
) -> None:
    """An operator with code and keys edits, and seals all of it again: the witness holds it."""
    with tampered(superuser) as cursor:
        cursor.execute("TRUNCATE log_leaf, log_checkpoint")
        cursor.execute("UPDATE access_entry SET act = 'x.y' WHERE act = 'referral.accept'")
        for partition in partitions(superuser):
            cursor.execute(f"UPDATE {partition} e SET leaf = sec.entry_leaf(e::access_entry)")
        superuser.commit()
        seal()
        assert faults() == [], "in itself it is sound"
        assert {fault.what for fault in faults(sealed)} & {
            "a checkpoint is not the one that was witnessed",
            "a checkpoint that was witnessed is not there",
        }
        with pytest.raises(witness.LedgerForked):
            witness.step()


def test_no_serving_role_can_change_what_stands_there(sealed: Path) -> None:
    columns = {"log_checkpoint": "key_id", "log_leaf": "leaf", "access_entry": "act"}
    for role, table in product(SERVING, LOG):
        column = columns[table]
        for statement in (
            f"DELETE FROM {table}",
            f"TRUNCATE {table}",
            f"UPDATE {table} SET {column} = {column}",
        ):
            assert _refused(role, statement), (role, statement)


def _refused(role: str, statement: str) -> bool:
    try:
        with transaction.atomic(using=role), connections[role].cursor() as cursor:
            cursor.execute(statement)
    except ProgrammingError as error:
        return isinstance(error.__cause__, InsufficientPrivilege)
    return False
