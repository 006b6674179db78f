"""Counting at the act: in its transaction, in cells of three dimensions that no person reads, and
for whom a referral bars as if there were none (ADR 0138)."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections

from permissions.database.uuid7 import uuid7
from referrals import worker
from referrals.numbers import cells
from tests.figures.lives import counted, is_right, left_of
from tests.support.ground.database import as_one_person
from tests.support.people.callers import agency_id, member_id
from tests.support.people.purging import keeps, purge
from tests.support.people.stories import Story, service_of, to

TABLES = ("counted_referral", "count_line", "count_cell", "count_seal")
NOTICE = {"urgency": "emergency", "needs": ["shelter"], "concern": "labor_trafficking"}


def add_up() -> None:
    assert worker.run_until_idle(worker.jobs_named(["numbers"])) == []


def of(superuser: Any, key: str, side: str) -> dict[str, int]:
    """What an agency counts on this side, by item."""
    found = counted(superuser)
    mine = str(agency_id(key))
    return {key[3]: number for key, number in found.items() if key[:2] == (mine, side)}


def of_the_network(superuser: Any, side: str) -> dict[str, int]:
    """What the network's year has on this side, besides the figures of agencies."""
    found = counted(superuser)
    return {key[3]: number for key, number in found.items() if key[:2] == (None, side)}


def run(cursor_of: Any, sql: str, values: Any = None) -> list[Any]:
    with cursor_of.cursor() as cursor:
        cursor.execute(sql, values)
        found = list(cursor.fetchall()) if cursor.description else []
    cursor_of.commit()
    return found


@contextmanager
def joins(superuser: Any, who: str, key: str) -> Iterator[None]:
    """The same person becomes a lead of another agency."""
    new = str(uuid7())
    run(
        superuser,
        "INSERT INTO permissions_membership (id, agency_id, person_id, name, roles, active, duty)"
        " SELECT %s, %s, person_id, name, '{lead}', true, 'reachable'"
        "   FROM permissions_membership WHERE id = %s",
        [new, str(agency_id(key)), str(member_id(who))],
    )
    try:
        yield
    finally:
        run(superuser, "DELETE FROM permissions_membership WHERE id = %s", [new])


# -- What is counted -------------------------------------------------------------------------------


def test_each_act_counts_what_each_side_is_shown(story: Story, superuser: Any) -> None:
    story.create(**NOTICE)
    assert counted(superuser) == {}, "a draft is not counted"
    story.send()
    sent = {"concern:labor_trafficking": 1, "age_band:not_stated": 1, "urgency:emergency": 1}
    sent |= {"need:shelter": 1, "outcome:waiting": 1}
    ours, theirs = {"kind:community_advocate": 1}, {"kind:law_enforcement": 1}
    assert of(superuser, "police", "from") == sent | ours
    assert of(superuser, "ywca", "to") == sent | theirs
    story.answers("accept")
    taken = sent | {"outcome:accepted": 1, "answered:m1": 1, "accepted:m1": 1}
    del taken["outcome:waiting"]
    assert of(superuser, "police", "from") == taken | ours
    assert of(superuser, "ywca", "to") == taken | theirs
    add_up()
    story.answers("start_handoff", {"mode": "phone"}).answers("complete", {"outcome": "served"})
    assert of(superuser, "police", "from") == taken | ours, "the sender counts what it is shown"
    ended = {name: n for name, n in taken.items() if name != "outcome:accepted"}
    assert of(superuser, "ywca", "to") == ended | theirs | {"outcome:completed": 1}
    assert of_the_network(superuser, "from") == of_the_network(superuser, "to") == {}
    is_right()


def test_a_decline_counts_its_reason_and_a_mistake_leaves_nothing(
    story: Story, api: Any, superuser: Any
) -> None:
    story.create(**NOTICE).send().answers("decline", {"code": "no_capacity"})
    for key, side in (("police", "from"), ("ywca", "to")):
        found = of(superuser, key, side)
        assert found["declined:no_capacity"] == found["outcome:declined"] == 1
        assert "accepted:m1" not in found
    before = counted(superuser)
    other = Story(api, story.service_id).create(urgency="routine", needs=["housing"]).send()
    add_up()
    assert counted(superuser) != before
    other.sends("mark_error", {"code": "test"})
    add_up()
    assert counted(superuser) == before
    assert run(superuser, "SELECT FROM count_cell WHERE number = 0") == [], "no trace of it"
    assert left_of(superuser, "counted_referral") == 1
    is_right()


def test_what_was_sent_before_there_were_counts_stays_uncounted(
    story: Story, superuser: Any
) -> None:
    story.send()
    run(superuser, "DELETE FROM counted_referral")
    run(superuser, "DELETE FROM count_line")
    story.answers("accept").answers("stop")
    assert counted(superuser) == {}
    is_right()


def test_a_cell_says_whose_when_and_one_thing(story: Story, superuser: Any) -> None:
    story.create(**NOTICE).send().answers("decline", {"code": "other"})
    add_up()
    columns = run(
        superuser,
        "SELECT attname FROM pg_attribute WHERE attrelid = 'count_cell'::regclass AND attnum > 0"
        " AND NOT attisdropped ORDER BY attnum",
    )
    names = {"id", "agency_id", "side", "begins", "item", "number", "settled"}
    assert {name for (name,) in columns} == names
    items = [item for (item,) in run(superuser, "SELECT item FROM count_cell")]
    assert len(items) >= 14
    assert all(re.fullmatch(r"[a-z_]+:[a-z0-9_]+", item) for item in items)
    kept = run(superuser, "SELECT c::text FROM count_cell c") + run(
        superuser, "SELECT l::text FROM count_line l"
    )
    assert not any(story.id in row for (row,) in kept), "no cell names a referral"


def test_no_role_that_serves_requests_reads_or_writes_one(story: Story, superuser: Any) -> None:
    story.send()
    for role in ("app", "editor", "auditor", "signin", "sealer"):
        for table in TABLES:
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE"):
                asked = "SELECT has_table_privilege(%s, %s, %s)"
                assert run(superuser, asked, [role, table, right]) == [(False,)], (role, table)
        functions = run(
            superuser,
            "SELECT p.oid::regprocedure::text FROM pg_proc p"
            " WHERE p.pronamespace = 'sec'::regnamespace AND (p.proname LIKE 'count%%'"
            "   OR p.proname IN ('add_counts', 'settle_counts', 'wrong_cells', 'uneven_cells',"
            "                    'has_ever_barred', 'recipient_state', 'counted_now'))"
            "   AND p.proname NOT IN ('count_agreement_answer', 'count_unmet_search')"
            "   AND has_function_privilege(%s, p.oid, 'EXECUTE')",
            [role],
        )
        assert functions == [], role


# -- Whom it bars ----------------------------------------------------------------------------------


def test_a_block_of_the_recipients_leaves_its_figures_and_the_senders_stay(
    api: Any, superuser: Any
) -> None:
    """The sender counts its own referrals: one that were missing would tell that the other side
    barred someone (R2)."""
    service = service_of("ywca")
    Story(api, service).create(**NOTICE).send().answers("acknowledge")
    without = of(superuser, "ywca", "to")
    barring = Story(api, service).create(**NOTICE).send().answers("acknowledge")
    sender = of(superuser, "police", "from")
    barring.answers("block", to("ywca.worker2"))
    assert of(superuser, "ywca", "to") == without, "as if there were no such referral"
    assert of(superuser, "police", "from") == sender
    assert of_the_network(superuser, "from") == {}, "the sender's figures have it"
    assert of_the_network(superuser, "to")["outcome:waiting"] == 1
    barring.answers("unblock", to("ywca.worker2")).answers("accept").answers("stop")
    assert of(superuser, "ywca", "to") == without, "a lifted block barred them all the same"
    assert of(superuser, "police", "from") != sender
    is_right()


def test_a_block_of_the_senders_own_leaves_the_senders_and_counts_in_the_year(
    api: Any, superuser: Any
) -> None:
    service = service_of("ywca")
    Story(api, service).create(**NOTICE).send()
    without = of(superuser, "police", "from")
    barring = Story(api, service).create(**NOTICE)
    barring.sends("block", to("police.worker2")).send()
    assert of(superuser, "police", "from") == without
    assert of(superuser, "ywca", "to")["urgency:emergency"] == 2
    assert of_the_network(superuser, "from")["outcome:waiting"] == 1
    barring.answers("decline", {"code": "other"})
    assert of(superuser, "police", "from") == without
    year = of_the_network(superuser, "from")
    assert (year["outcome:declined"], year.get("outcome:waiting")) == (1, None)
    network = {(key[1], key[3]): n for key, n in counted(superuser).items() if key[0] is None}
    assert network["kept", "outcome:declined"] == 1, "what bars anyone is kept out of the network"
    assert network["net", "urgency:emergency"] == 1
    (begins,) = {key[2] for key in counted(superuser) if key[:2] == (None, "from")}
    assert (begins.month, begins.day) == (1, 1)
    is_right()


def test_leads_only_leaves_the_figures_of_the_agency_whose_workers_it_bars(
    api: Any, superuser: Any
) -> None:
    story = Story(api, service_of("ywca")).create(**NOTICE).send()
    story.sends("leads_only")
    assert of(superuser, "ywca", "to") == {}
    assert of(superuser, "police", "from")["outcome:waiting"] == 1
    is_right()


def test_who_is_of_both_agencies_is_barred_from_the_figures_of_both(
    api: Any, superuser: Any
) -> None:
    with as_one_person(superuser, "police.worker2", "ywca.worker2"):
        story = Story(api, service_of("ywca")).create(**NOTICE).send()
        story.sends("block", to("police.worker2"))
        assert of(superuser, "police", "from") == of(superuser, "ywca", "to") == {}
        is_right()


def test_who_joins_an_agency_later_reads_figures_without_what_bars_them(
    api: Any, superuser: Any
) -> None:
    service = service_of("ywca")
    Story(api, service).create(**NOTICE).send()
    without = of(superuser, "ywca", "to")
    Story(api, service).create(**NOTICE).send().sends("block", to("police.worker2"))
    assert of(superuser, "ywca", "to")["outcome:waiting"] == 2
    is_right()
    with joins(superuser, "police.worker2", "ywca"):
        assert of(superuser, "ywca", "to") == without
        is_right()


@pytest.mark.parametrize(
    ("purged", "side", "barred"),
    [("police", "from", "ywca.worker2"), ("ywca", "to", "police.worker2")],
)
def test_what_is_purged_stays_counted_when_whom_it_bars_joins(
    purged: str, side: str, barred: str, api: Any, shift_clock: Any, superuser: Any
) -> None:
    """Of the sender's: the recipient still works, and blocks them once that part is gone."""
    story = Story(api, service_of("ywca")).create(**NOTICE).send().answers("accept")
    story.answers("start_handoff", {"mode": "phone"})
    if side == "to":
        story.sends("block", to(barred)).answers("complete", {"outcome": "served"})
    with keeps(purged, 7):
        for since in ("7 days 1 hour", "15 days"):  # it is announced a week before
            shift_clock(since)
            purge()
    query = f"SELECT from_purged, to_purged FROM referral WHERE id = '{story.id}'"
    assert run(superuser, query) == [(side == "from", side == "to")]
    assert of(superuser, purged, side)["urgency:emergency"] == 1
    other = Story(api, service_of("ywca")).create(**NOTICE).send()
    before = of(superuser, purged, side)
    if side == "from":
        story.answers("block", to(barred))
        is_right()
    with joins(superuser, barred, purged):
        assert of(superuser, purged, side) == before
        other.sends("withdraw", {"code": "other"})
        is_right()


# -- At once, half-way, and checked ----------------------------------------------------------------


def test_no_act_waits_for_the_count_of_another_and_what_is_undone_counts_nothing(
    api: Any, superuser: Any
) -> None:
    service = service_of("ywca")
    one, other = (Story(api, service).create(**NOTICE).send() for _ in range(2))
    add_up()
    before = counted(superuser)
    with superuser.cursor() as cursor:
        cursor.execute("BEGIN")  # an act that is not committed yet
        cursor.execute(
            "UPDATE referral SET acknowledged_at = sec.clock(), status = 'acknowledged'"
            " WHERE id = %s",
            [one.id],
        )
        with connections["default"].cursor() as here:
            here.execute("SET lock_timeout = 2000")
        try:
            other.answers("acknowledge")
        finally:
            with connections["default"].cursor() as here:
                here.execute("SET lock_timeout = DEFAULT")
        cursor.execute("ROLLBACK")
    found = of(superuser, "ywca", "to")
    assert found["answered:m1"] == 1, "of the one that was done, not of the one that was undone"
    assert before != counted(superuser)
    is_right()


def test_adding_up_twice_is_safe_and_a_second_at_once_does_nothing(
    story: Story, superuser: Any
) -> None:
    story.send()
    before = counted(superuser)
    run(superuser, "SELECT pg_advisory_lock(7028, hashtext(''))")
    add_up()
    assert left_of(superuser, "count_line") > 0, "another one is at it"
    run(superuser, "SELECT pg_advisory_unlock(7028, hashtext(''))")
    for _again in range(2):
        add_up()
        assert left_of(superuser, "count_line") == 0
        assert counted(superuser) == before


def checked() -> list[str]:
    from io import StringIO

    out = StringIO()
    with pytest.raises(CommandError, match="The counts are not right"):
        call_command("numbers", "check", stdout=out)
    return out.getvalue().splitlines()


def test_a_cell_that_was_changed_by_hand_is_found_and_no_number_is_printed(
    story: Story, superuser: Any, capsys: Any
) -> None:
    story.create(**NOTICE).send()
    call_command("numbers", "check")
    assert "0 cells and 0 seals are right." in capsys.readouterr().out
    add_up()
    change = (
        "UPDATE count_cell SET number = number + %s WHERE item = 'need:shelter' AND side = 'to'"
    )
    run(superuser, change, [31])
    (line,) = checked()
    assert "need:shelter: not what the referrals say" in line
    assert str(agency_id("ywca")) in line
    assert "31" not in line.replace(str(agency_id("ywca")), "")
    run(superuser, change, [-31])
    run(superuser, "DELETE FROM count_cell WHERE item = 'outcome:waiting' AND side = 'from'")
    said = checked()
    assert any("does not add up" in one for one in said)


def test_a_sealed_month_that_was_changed_is_found(story: Story, superuser: Any) -> None:
    """Of what is purged nothing else is left to compare with."""
    run(
        superuser,
        "INSERT INTO count_cell (id, agency_id, side, begins, item, number, settled)"
        " SELECT gen_random_uuid(), %s, 'from', '2020-03-01', unnest(ARRAY['kind:legal',"
        "        'concern:other', 'age_band:adult', 'urgency:urgent', 'outcome:accepted']), 7, 7",
        [str(agency_id("police"))],
    )
    add_up()
    assert left_of(superuser, "count_seal") == 1
    is_right()
    # All of them alike, so that they still add up.
    run(superuser, "UPDATE count_cell SET number = 9, settled = 9")
    assert checked() == ["2020-03: not the cells that were sealed"]
    run(superuser, "UPDATE count_cell SET number = 7, settled = 7")
    is_right()


def test_a_month_is_sealed_once_it_is_over_and_nothing_of_it_is_left(
    story: Story, shift_clock: Any, superuser: Any
) -> None:
    story.send()
    add_up()
    shift_clock("40 days")
    add_up()
    assert left_of(superuser, "count_seal") == 0, "the referral is still there"
    assert not cells.check().broken
