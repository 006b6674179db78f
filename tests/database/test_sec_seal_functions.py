"""Single conditions of the database's functions about the seals of the log: each is called on
batches among others that it must leave out. All of them are rolled back."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from permissions.models import Client
from tests.support.ground.database import rolled_back
from tests.support.people.access_log import MONTH, enter, found
from tests.support.people.callers import agency_id, member_id
from tests.support.people.seals import partitions
from tests.support.proofs.sec_functions import FIRST, SEQ, asked, sign


def seal(cursor: Any, position: int, entry: UUID) -> None:
    cursor.execute(
        "INSERT INTO log_leaf SELECT %s, id, at, leaf FROM access_entry WHERE id = %s",
        [position, entry],
    )
    assert cursor.rowcount == 1


ORIGIN = '{"origin":"cairn/of-a-test","seq":1}'
OWN = "SELECT state, entry IS NOT NULL FROM sec.own_sealed_entry(%s)"
PROOF = "SELECT state, entry IS NOT NULL FROM sec.inclusion_proof(%s)"


def test_the_batch_of_an_entry_is_shown_to_the_auditor_of_the_agency_whose_entry_it_is(
    api: Any, superuser: Any
) -> None:
    """sec.inclusion_proof: only the batch it was sealed in, with others before and after it."""
    with rolled_back(superuser) as cursor:
        before, one, two, last = (enter(cursor, "ywca", at=MONTH) for _ in range(4))
        theirs = enter(cursor, "police", at=MONTH)
        for place, entry in enumerate((before, theirs, one, two, last)):
            seal(cursor, FIRST + place, entry)
        # Next to their sealed entry, one of ours has the same id, at another time.
        enter(cursor, "ywca", id=theirs, at=MONTH + timedelta(days=1))
        unsealed = enter(cursor, "ywca", at=MONTH)
        for seq, first, size in ((4, 4, 5), (2, 2, 2), (3, 2, 4), (1, 0, 2)):  # 2: of no entries
            sign(cursor, SEQ + seq, FIRST + first, FIRST + size)
        leaf = "SELECT leaf FROM access_entry WHERE id = %s"
        leaves = [bytes(asked(cursor, leaf, entry)) for entry in (one, two)]
        text = "SELECT sec.entry_leaf_text(e) FROM access_entry e WHERE id = %s"
        question = "SELECT place, leaves, body, entry FROM sec.inclusion_proof(%s)"
        for place, entry in enumerate((one, two)):
            ((at, sealed, body, said),) = found(cursor, api("ywca.auditor"), question, entry)
            assert (at, [bytes(one) for one in sealed]) == (place, leaves)
            assert body == f"body of {SEQ + 3}"
            assert said == asked(cursor, text, entry)
        for entry in (theirs, unsealed):
            assert found(cursor, api("ywca.auditor"), question, entry) == []
        assert len(found(cursor, api("police.auditor"), question, theirs)) == 1
        for caller in (api("ywca.worker"), api("ywca.admin"), None):
            assert found(cursor, caller, question, one) == []


def test_a_sealed_entry_is_given_to_whom_it_let_in_without_its_transaction(
    api: Any, superuser: Any
) -> None:
    """sec.own_sealed_entry: a member her own, a system its own, by whichever of its staff; of what
    was refused to her nothing."""
    worker, system = member_id("ywca.worker"), Client.objects.get(agency_id=agency_id("ywca")).id
    refusal = {"member_id": worker, "decision": "refused", "rule": "not_found"}
    acting = api("ywca.client", "ywca.worker")
    with rolled_back(superuser) as cursor:
        entries = {
            "hers": enter(cursor, "ywca", at=MONTH, member_id=worker),
            "a refusal to her": enter(cursor, "ywca", at=MONTH, **refusal),
            "the system's": enter(cursor, "ywca", at=MONTH, client_id=system),
            "by it, for her": enter(cursor, "ywca", at=MONTH, client_id=system, member_id=worker),
            "in another agency": enter(cursor, "police", at=MONTH, member_id=worker),
        }
        for place, entry in enumerate(entries.values()):
            seal(cursor, FIRST + place, entry)
        sign(cursor, SEQ, FIRST, FIRST + len(entries), body=ORIGIN)
        for caller, reads in (
            (api("ywca.worker"), {"hers", "by it, for her"}),
            (api("ywca.worker2"), set()),
            (api("ywca.lead"), set()),
            (api("ywca.client"), {"the system's", "by it, for her"}),
            (acting, {"the system's", "by it, for her"}),
            (api("ywca.auditor"), set()),
            (None, set()),
        ):
            shown = {what: found(cursor, caller, OWN, one) for what, one in entries.items()}
            assert {what for what, rows in shown.items() if rows} == reads, caller
            assert all(rows in ([], [("sealed", True)]) for rows in shown.values())
        question = "SELECT entry, origin FROM sec.own_sealed_entry(%s)"
        ((entry, origin),) = found(cursor, api("ywca.worker"), question, entries["hers"])
        text = "SELECT sec.entry_leaf_text(e) FROM access_entry e WHERE id = %s"
        whole = asked(cursor, text, entries["hers"])
        assert origin == "cairn/of-a-test"
        assert entry.removesuffix("null]") == whole[: whole.rindex(",") + 1]


def test_a_sealed_entry_whose_checkpoint_is_not_there_is_gone(api: Any, superuser: Any) -> None:
    """sec.seal_of"""
    with rolled_back(superuser) as cursor:
        one = enter(cursor, "ywca", at=MONTH, member_id=member_id("ywca.worker"))
        sign(cursor, SEQ, FIRST, FIRST + 1)
        seal(cursor, FIRST + 1, one)
        assert found(cursor, api("ywca.worker"), OWN, one) == [("gone", False)]
        assert found(cursor, api("ywca.auditor"), PROOF, one) == [("gone", False)]
        assert found(cursor, api("ywca.lead"), OWN, one) == []
        assert found(cursor, api("police.auditor"), PROOF, one) == []


def test_a_sealed_entry_that_gives_another_leaf_was_changed(api: Any, superuser: Any) -> None:
    """sec.seal_of: for every owner of the entry and every caller."""
    with rolled_back(superuser) as cursor:
        one = enter(cursor, "ywca", at=MONTH)
        cursor.execute("INSERT INTO log_leaf VALUES (%s, %s, %s, '\\x01')", [FIRST, one, MONTH])
        sign(cursor, SEQ, FIRST, FIRST + 1)
        assert found(cursor, api("police.worker"), OWN, one) == [("changed", False)]
        assert found(cursor, api("police.auditor"), PROOF, one) == [("changed", False)]


def test_a_sealed_entry_that_is_not_there_went_with_its_month_or_is_gone(
    api: Any, superuser: Any
) -> None:
    """sec.seal_of: though one of its id stands at another time; to nobody nothing."""
    with rolled_back(superuser) as cursor:
        moved = enter(cursor, "ywca", at=MONTH)
        cursor.execute(
            "INSERT INTO log_leaf SELECT %s, id, at + interval '1 s', leaf FROM access_entry"
            " WHERE id = %s",
            [FIRST, moved],
        )
        sign(cursor, SEQ, FIRST, FIRST + 1)  # its content is no JSON
        for number, (month, state) in enumerate((("2001-04", "gone"), ("2001-05", "retired"))):
            body = f'{{"seq":1,"retired":{{"month":"{month}"}}}}'
            sign(cursor, SEQ + 1 + number, FIRST + 1, FIRST + 1, body=body)
            assert found(cursor, api("ywca.worker"), OWN, moved) == [(state, False)]
            assert found(cursor, api("ywca.auditor"), PROOF, moved) == [(state, False)]
            assert found(cursor, None, OWN, moved) == []


def test_a_batch_now_is_held_against_each_entry_at_its_own_time(api: Any, superuser: Any) -> None:
    """sec.recomputed_batch: what is gone is missing, though another stands at its time, or under an
    id."""
    days = [MONTH + timedelta(days=day) for day in range(4)]
    with rolled_back(superuser) as cursor:
        before, one, two, behind = (enter(cursor, "ywca", at=at) for at in days)
        for place, entry in enumerate((before, one, two)):
            seal(cursor, FIRST + place, entry)
        leaf = b"of one that is gone"
        cursor.execute(
            "INSERT INTO log_leaf VALUES (%s, %s, %s, %s)", [FIRST + 3, uuid4(), days[3], leaf]
        )
        seal(cursor, FIRST + 4, behind)
        enter(cursor, "ywca", id=one, at=days[2])  # within the batch's time, and not sealed
        for seq, first, size in ((1, 0, 1), (2, 1, 4), (3, 4, 5)):
            sign(cursor, SEQ + seq, FIRST + first, FIRST + size)
        question = (
            "SELECT size - first, body, sealed, found, months FROM sec.recomputed_batch(%s, 3)"
        )
        ((size, body, sealed, now, months),) = found(
            cursor, api("police.auditor"), question, SEQ + 2
        )
        assert (size, body, months) == (3, f"body of {SEQ + 2}", ["2001-05"] * 3)
        assert [bytes(one) for one in sealed[:2]] == [bytes(one) for one in now[:2]]
        assert (bytes(sealed[2]), now[2:]) == (leaf, [None])
        assert found(cursor, api("police.auditor"), question, SEQ + 4) == []
        larger = "SELECT cardinality(sealed), found, months FROM sec.recomputed_batch(%s, 2)"
        assert found(cursor, api("police.auditor"), larger, SEQ + 2) == [(3, None, None)]
        assert found(cursor, api("police.worker"), question, SEQ + 2) == []


def test_the_seals_stand_as_far_as_the_newest_and_say_what_waits(api: Any, superuser: Any) -> None:
    """sec.seal_status: of transactions behind the newest checkpoint, whatever has no seal."""
    bound, gap = 2**62, '{"gap": "a gap of a test"}'
    with rolled_back(superuser) as cursor:
        sign(cursor, SEQ, FIRST, FIRST, body=gap)
        sign(cursor, SEQ + 1, FIRST, FIRST, before=bound)
        sealed = enter(cursor, "police", xact=bound, at=MONTH)
        seal(cursor, FIRST, sealed)
        enter(cursor, "police", xact=bound, at=MONTH)
        enter(cursor, "police", xact=bound, id=sealed, at=MONTH + timedelta(days=1))
        enter(cursor, "police", xact=bound - 1)
        question = "SELECT seq, size, body, waiting, gaps FROM sec.seal_status()"
        ((seq, size, body, waiting, gaps),) = found(cursor, api("ywca.auditor"), question)
        assert (seq, size, body) == (SEQ + 1, FIRST, f"body of {SEQ + 1}")
        assert waiting == 2, "of its time, and of its id"
        assert gaps[-1] == gap
        assert all(one.startswith('{"gap"') for one in gaps)
        assert found(cursor, api("ywca.worker"), question) == [(None,) * 5]
        more = "SELECT waiting_since, restored, watched FROM sec.seal_status()"
        ((since, restored, watched),) = found(cursor, api("ywca.auditor"), more)
        assert since is not None
        assert restored is True, "no server has come to that transaction"
        assert set(watched) == {"witness", "new", "again"}
        assert found(cursor, api("ywca.worker"), more) == [(None,) * 3]


def test_what_was_put_in_is_asked_of_the_transactions_of_some_checkpoints(
    api: Any, superuser: Any
) -> None:
    """sec.unsealed_entries: without a place, or with one behind the newest checkpoint; or of a
    transaction to come. Named to its own."""
    before = -(2**61)  # all transactions that there were
    with rolled_back(superuser) as cursor:
        for seq, bound in ((1, 100), (2, 200), (3, 300)):
            sign(cursor, SEQ + seq, FIRST, FIRST + 1, before=before + bound)
        seal(cursor, FIRST, enter(cursor, "ywca", xact=before + 150))
        ours, behind = (enter(cursor, "ywca", xact=before + at) for at in (100, 150))
        seal(cursor, FIRST + 1, behind)
        enter(cursor, "police", xact=before + 199)
        for outside in (99, 200, 300):
            enter(cursor, "ywca", xact=before + outside)
        moved = enter(cursor, "ywca", xact=before + 150, at=MONTH)
        cursor.execute(
            "INSERT INTO log_leaf SELECT %s, id, at + interval '1 s', leaf FROM access_entry"
            " WHERE id = %s",
            [FIRST - 1, moved],
        )
        question = "SELECT id::text, entry IS NOT NULL FROM sec.unsealed_entries(%s, %s, %s)"
        asked_for = (SEQ + 2, SEQ + 2, 10)
        rows = found(cursor, api("ywca.auditor"), question, *asked_for)
        assert set(rows) == {(str(one), True) for one in (ours, behind, moved)} | {(None, False)}
        assert len(rows) == 4
        assert len(found(cursor, api("ywca.auditor"), question, *asked_for[:2], 2)) == 2
        assert found(cursor, api("ywca.worker"), question, *asked_for) == []
        sign(cursor, SEQ + 4, FIRST, FIRST + 1, before=before)  # after a restore, in a new cluster
        assert found(cursor, api("ywca.auditor"), question, *asked_for) == []
        to_come = enter(cursor, "ywca", xact=2**61)
        only = [(str(to_come), True)]
        assert found(cursor, api("ywca.auditor"), question, *asked_for) == only
        sign(cursor, SEQ + 5, FIRST, FIRST + 1, before=2**60)  # it was restored, and is not known
        assert found(cursor, api("ywca.auditor"), question, *asked_for) == []


def test_places_as_lines_hold_the_text_of_ones_own_entries_alone(api: Any, superuser: Any) -> None:
    """sec.sealed_lines: though one of the same id stands at another time."""
    days = [MONTH + timedelta(days=day) for day in range(5)]
    with rolled_back(superuser) as cursor:
        before, ours, theirs, behind = (
            enter(cursor, key, at=days[day])
            for key, day in (("ywca", 0), ("ywca", 1), ("police", 2), ("ywca", 4))
        )
        for place, entry in enumerate((before, ours, theirs)):
            seal(cursor, FIRST + place, entry)
        cursor.execute(
            "INSERT INTO log_leaf VALUES (%s, %s, %s, '\\x01')", [FIRST + 3, uuid4(), days[3]]
        )
        seal(cursor, FIRST + 4, behind)
        leaves = [asked(cursor, "SELECT encode(leaf, 'hex') FROM access_entry WHERE id = %s", one)
                  for one in (ours, theirs)]  # fmt: skip
        enter(cursor, "ywca", id=ours, at=days[2])  # within their time, and not sealed
        question = "SELECT place, line FROM sec.sealed_lines(%s, %s)"
        rows = found(cursor, api("ywca.auditor"), question, FIRST + 1, FIRST + 4)
        assert [place for place, _ in rows] == [FIRST + 1, FIRST + 2, FIRST + 3]
        first, second, third = (line for _, line in rows)
        assert first.startswith(f'{leaves[0]} ["{ours}","2001-05-02T')
        assert second == f"{leaves[1]} ~"
        assert third == "01 - 01 2001-05"
        assert found(cursor, api("ywca.worker"), question, FIRST + 1, FIRST + 4) == []


def looked_into(cursor: Any) -> dict[str, int]:
    """How often each month of the log was, by this transaction."""
    cursor.execute(
        "SELECT relname, seq_scan + coalesce(idx_scan, 0) FROM pg_stat_xact_user_tables"
        " WHERE relname LIKE 'access_entry_%'"
    )
    return dict(cursor.fetchall())


@pytest.mark.parametrize(
    ("question", "asked_for"),
    [
        ("SELECT line FROM sec.sealed_lines(%s, %s)", (FIRST + 1, FIRST + 2)),
        ("SELECT found FROM sec.recomputed_batch(%s, 10)", (SEQ + 1,)),
    ],
    ids=["sealed_lines", "recomputed_batch"],
)
def test_what_is_sealed_is_looked_for_in_the_months_of_its_entries_alone(
    api: Any, superuser: Any, question: str, asked_for: tuple[int, ...]
) -> None:
    """sec.sealed_lines and sec.recomputed_batch: else each part of an export looks into every
    month."""
    with rolled_back(superuser) as cursor:
        for place in range(3):
            month = MONTH + timedelta(days=31 * place)
            cursor.execute("SELECT sec.add_log_partition(%s)", [month.date()])
            seal(cursor, FIRST + place, enter(cursor, "ywca", at=month))
            sign(cursor, SEQ + place, FIRST + place, FIRST + place + 1)
        cursor.execute("SET LOCAL enable_nestloop = off")  # as of a batch that is worth a join
        before = looked_into(cursor)
        assert len(found(cursor, api("ywca.auditor"), question, *asked_for)) == 1
        now = looked_into(cursor)
        assert {name for name in now if now[name] != before[name]} == {"access_entry_2001_06"}


def test_the_checkpoints_that_let_a_month_go_are_named_to_auditors(
    api: Any, superuser: Any
) -> None:
    """sec.retirement_checkpoints."""
    with rolled_back(superuser) as cursor:
        sign(cursor, SEQ, FIRST, FIRST, body='{"seq":1,"retired":{"month":"2001-05"}}')
        sign(cursor, SEQ + 1, FIRST, FIRST)
        ((seqs,),) = found(cursor, api("ywca.auditor"), "SELECT sec.retirement_checkpoints()")
        assert seqs[-1] == SEQ
        assert found(cursor, api("ywca.worker"), "SELECT sec.retirement_checkpoints()") == [([],)]


def test_the_months_of_the_log_go_back_to_the_first_hole(superuser: Any) -> None:
    """sec.log_months: of the log's own partitions, and of no table that is called like one."""
    names = {one.removeprefix("access_entry_") for one in partitions(superuser)} - {"other"}
    begin = last = datetime.strptime(max(names) + "+0000", "%Y_%m%z")
    while f"{(before := begin - timedelta(days=1)):%Y_%m}" in names:
        begin = before.replace(day=1)
    assert begin < last
    end = (last + timedelta(days=31)).replace(day=1)
    with rolled_back(superuser) as cursor:
        cursor.execute("SELECT sec.add_log_partition(%s)", [MONTH.date()])
        cursor.execute("CREATE SCHEMA elsewhere")
        cursor.execute("CREATE TABLE elsewhere.log (at int) PARTITION BY RANGE (at)")
        cursor.execute(
            f"CREATE TABLE elsewhere.access_entry_{before:%Y_%m} PARTITION OF elsewhere.log DEFAULT"
        )
        cursor.execute("SELECT begins, ends FROM sec.log_months()")
        assert cursor.fetchone() == (begin, end)
