"""Single conditions of the functions about feeds and webhooks: who reads them, the position of an
event in them, and what is taken from the outbox. Each is called by itself."""

from typing import Any
from uuid import UUID, uuid4

from permissions.database.uuid7 import uuid7
from tests.bench import plans
from tests.support.ground.database import as_app
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id, narrow
from tests.support.people.stories import Story, begun, service_of
from tests.support.proofs.message_functions import asked, found, self_assigned
from tests.support.proofs.sec_functions import call

# -- sec.event_reader_agency_id, sec.webhook_manager_agency_id -------------------------------------


def test_events_are_for_workers_and_leads_and_systems_with_the_scope(api: Any) -> None:
    """sec.event_reader_agency_id"""
    ours = agency_id("ywca")
    for who in ("worker", "lead"):
        assert call(api(f"ywca.{who}"), "event_reader_agency_id") == ours, who
    for who in ("admin", "editor", "auditor"):
        assert call(api(f"ywca.{who}"), "event_reader_agency_id") is None, who
    for acting, scope, expected in (
        (None, "events:read", ours),
        (None, "referrals:read", ours),
        (None, "directory:read", None),
        ("ywca.worker", "events:read", ours),
        ("ywca.worker", "directory:read", None),
        ("ywca.admin", "events:read", None),
    ):
        system = narrow(api, "ywca", acting, scope)
        assert call(system, "event_reader_agency_id") == expected, (acting, scope)
    assert call(api(None), "event_reader_agency_id") is None


def test_webhooks_are_kept_by_administrators_and_systems_with_the_scope(api: Any) -> None:
    """sec.webhook_manager_agency_id"""
    ours = agency_id("ywca")
    assert call(api("ywca.admin"), "webhook_manager_agency_id") == ours
    for who in ("worker", "lead", "auditor"):
        assert call(api(f"ywca.{who}"), "webhook_manager_agency_id") is None, who
    for acting, scope, expected in (
        (None, "webhooks:write", ours),
        (None, "events:read", None),
        ("ywca.worker", "webhooks:write", ours),
        ("ywca.admin", "events:read", None),
    ):
        system = narrow(api, "ywca", acting, scope)
        assert call(system, "webhook_manager_agency_id") == expected, (acting, scope)
    assert call(api(None), "webhook_manager_agency_id") is None


# -- sec.event_position ----------------------------------------------------------------------------


def event(superuser: Any, story: Story, which: str) -> tuple[str, str]:
    """The first such event of a referral: its id and its place."""
    question = (
        "SELECT id, xact FROM referral_event WHERE referral_id = %s"
        f" AND {which} ORDER BY xact, id LIMIT 1"
    )
    ((event_id, xact),) = rows(superuser, question, [story.id])
    return event_id, xact


def place(caller: Any, event_id: str) -> list[Any]:
    with as_app(caller) as cursor:
        return [xact for (xact,) in found(cursor, "event_position", event_id)]


def test_an_event_has_a_place_in_the_feeds_that_show_it(api: Any, superuser: Any) -> None:
    """sec.event_position, for each caller who manages a feed's webhooks."""
    one, _ = begun(api).answers("start_handoff", {"mode": "phone"}), begun(api)
    keepers = {key: api(f"{key}.admin") for key in ("police", "ywca", "hospital")}
    for which, sees in (
        ("from_sees AND to_sees", {"police", "ywca"}),
        ("from_sees AND NOT to_sees", {"police"}),
        ("to_sees AND NOT from_sees", {"ywca"}),
    ):
        event_id, xact = event(superuser, one, which)
        for key, keeper in keepers.items():
            assert place(keeper, event_id) == ([xact] if key in sees else []), (which, key)
        assert place(api("ywca.worker"), event_id) == []


def test_what_is_reserved_has_no_place_in_a_feed(api: Any, superuser: Any) -> None:
    one, _ = begun(api), begun(api)
    one.sends("block", {"other_agency": True})
    event_id, _ = event(superuser, one, "reserved AND from_sees")
    assert place(api("police.admin"), event_id) == [], "sec.event_position"


def test_a_referral_that_bars_anybody_there_has_no_place_in_its_feed(
    api: Any, superuser: Any
) -> None:
    """sec.event_position asks sec.is_mailbox_blocked of the agency whose feed it is, and this
    referral."""
    one, other = begun(api), begun(api)
    one.sends("block", {"other_agency": True})
    for story, key, seen in ((one, "police", 1), (one, "ywca", 0), (other, "ywca", 1)):
        event_id, _ = event(superuser, story, "from_sees AND to_sees")
        assert len(place(api(f"{key}.admin"), event_id)) == seen, key


def test_a_hidden_event_is_looked_for_as_none(api: Any, superuser: Any) -> None:
    """sec.event_position, sec.fed_event_id: what bars the reader, and what is another agency's."""
    one, other = begun(api), Story(api, service_of("sarc"), sender="hospital.worker").send()
    one.sends("block", {"other_agency": True})
    barring, _ = event(superuser, one, "from_sees AND to_sees")
    of_others, _ = event(superuser, other, "from_sees AND to_sees")
    with superuser.cursor() as cursor:
        cursor.execute("VACUUM (FULL, ANALYZE) referral_event, referral, conflict_block")
    keeper = narrow(api, "ywca", None, "events:read", "webhooks:write")

    def pages_read(function: str, event_id: Any) -> int:
        asking = plans.Statement(f"SELECT * FROM sec.{function}(%s)", [event_id])
        with as_app(keeper) as cursor:
            cursor.execute(asking.sql, asking.params)
            assert cursor.fetchall() in ([], [(None,)])
            return plans.explain(cursor, asking).buffers

    for function in ("event_position", "fed_event_id"):
        found_by = {pages_read(function, one) for one in (barring, of_others, uuid7())}
        assert len(found_by) == 1, (function, found_by)


# -- sec.fed_referral_id, sec.fed_event_id ---------------------------------------------------------


def test_a_feed_has_a_referral_for_who_reads_events_on_its_side(api: Any, superuser: Any) -> None:
    """sec.fed_referral_id, sec.unblocked_referral_id: by the right to events, not to referrals."""
    one, other = begun(api), Story(api, begun(api).service_id).create()
    event_id, _ = event(superuser, one, "from_sees AND to_sees")
    only_events = narrow(api, "ywca", None, "events:read")
    for caller, seen in (
        (api("police.worker"), True),
        (api("ywca.worker2"), True),
        (only_events, True),
        (api("ywca.client"), True),
        (api("ywca.auditor"), False),
        (api("ywca.admin"), False),
        (api("hospital.worker"), False),
        (narrow(api, "ywca", None, "directory:read"), False),
        (api(None), False),
    ):
        assert (call(caller, "fed_referral_id", one.id) is not None) == seen, caller.who
        assert (call(caller, "fed_event_id", event_id) is not None) == seen, caller.who
    assert call(only_events, "visible_referral_id", one.id) is None
    assert call(api("ywca.worker"), "fed_referral_id", other.id) is None, "a draft"
    drafted, _ = event(superuser, other, "from_sees")
    assert call(api("ywca.worker"), "fed_event_id", drafted) is None
    assert str(call(api("police.worker"), "fed_event_id", drafted)) == str(drafted)


def test_a_feed_has_no_event_of_a_referral_that_bars_the_reader_and_none_of_no_id(
    api: Any, superuser: Any
) -> None:
    """sec.fed_event_id: the event itself, not the next below."""
    one, other = begun(api), begun(api)
    event_id, _ = event(superuser, one, "from_sees AND to_sees")
    one.sends("block", {"other_agency": True})
    for caller in (api("ywca.worker"), api("ywca.client")):
        assert call(caller, "fed_referral_id", one.id) is None
        assert call(caller, "fed_event_id", event_id) is None
    assert call(api("ywca.worker"), "fed_referral_id", other.id) is not None
    for random in (uuid4(), UUID(int=2**128 - 1), UUID(int=0)):
        assert call(api("ywca.worker"), "fed_event_id", random) is None


# -- sec.claim_events, sec.claim_self_assignments --------------------------------------------------


def ids(superuser: Any, table: str, which: str = "true") -> list[str]:
    order = "xact, id" if table == "referral_event" else "at, id"
    return [
        str(one)
        for (one,) in rows(superuser, f"SELECT id FROM {table} WHERE {which} ORDER BY {order}")
    ]


def taken(function: str, most: int) -> set[str]:
    return {row[0] for row in asked(function, most)}


def test_each_is_taken_once_and_the_oldest_first(api: Any, superuser: Any) -> None:
    """By sec.claim_events and sec.claim_self_assignments, as many as were asked for."""
    for story in (begun(api), begun(api), begun(api)):
        self_assigned(superuser, api, story, "ywca.lead")
    for table in ("referral_event", "self_assignment"):
        function = "claim_events" if table == "referral_event" else "claim_self_assignments"
        waiting = ids(superuser, table)
        assert len(waiting) > 2
        assert taken(function, 2) == set(waiting[:2])
        assert ids(superuser, table, "told") == waiting[:2]
        assert taken(function, 999) == set(waiting[2:])
        assert taken(function, 999) == set()
        assert ids(superuser, table, "told") == waiting


# Without these plans PostgreSQL looks for waiting rows again for each row, as it does while it has
# few statistics.
OTHER_PLANS = ("hashjoin", "mergejoin", "hashagg", "sort", "indexscan", "bitmapscan", "material")


def test_no_more_are_taken_than_were_asked_for_however_it_is_planned(
    api: Any, superuser: Any
) -> None:
    """By sec.claim_events and sec.claim_self_assignments: a lock taken twice skips what it took."""
    for story in (begun(api), begun(api), begun(api)):
        self_assigned(superuser, api, story, "ywca.lead")
    with superuser.cursor() as cursor:
        for one in OTHER_PLANS:
            cursor.execute(f"SET enable_{one} = off")
        for function in ("claim_events", "claim_self_assignments"):
            assert len(found(cursor, function, 2)) == 2, function
