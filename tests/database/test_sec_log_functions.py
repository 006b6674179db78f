"""Single conditions of the database's functions about the log: each is called by itself, on entries
among others that it must leave out. All of them are rolled back."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg2.errors import InsufficientPrivilege

from permissions.models import Client
from tests.support.ground.database import rolled_back
from tests.support.people.access_log import MONTH, enter, found
from tests.support.people.callers import agency_id, member_id
from tests.support.people.stories import Story
from tests.support.proofs.sec_functions import answer, as_auditor, asked, changed

# -- What is written in nobody's name --------------------------------------------------------------

JOBS = ("key.rotate", "key.destroy", "key.restore", "referral.purge", "referral.unable")
RIGHTS = ("member.invite", "member.change_roles", "member.end", "agency.change")
RIGHTS += ("client.change_budget", "client.end", "agency.confirm")
RIGHTS += ("agency.add", "editor.add", "editor.end", "organization.bind", "organization.unbind")
RIGHTS += ("seal.rotate", "access_log.export")


@pytest.mark.parametrize(
    ("function", "acts", "foreign"),
    [
        ("sec.log_background_act(%s, %s, %s, NULL, NULL, NULL)", JOBS, RIGHTS[0]),
        ("sec.log_operator_change(%s, %s, %s, NULL, NULL, NULL, NULL)", RIGHTS, JOBS[0]),
    ],
)
def test_in_nobodys_name_these_acts_are_entered_and_no_other(
    function: str, acts: tuple[str, ...], foreign: str, superuser: Any
) -> None:
    with rolled_back(superuser) as cursor:
        for act in acts:
            id_ = uuid4()
            cursor.execute(f"SELECT {function}", [id_, act, agency_id("ywca")])
            cursor.execute("SELECT act, decision FROM access_entry WHERE id = %s", [id_])
            assert cursor.fetchall() == [(act, "allowed")]
        for act in (foreign, "referral.open_packet"):
            cursor.execute("SAVEPOINT before")
            with pytest.raises(InsufficientPrivilege, match="not an act of"):
                cursor.execute(f"SELECT {function}", [uuid4(), act, agency_id("ywca")])
            cursor.execute("ROLLBACK TO before")


def test_what_the_operator_tried_is_entered_and_no_other_act(superuser: Any) -> None:
    """sec.log_operator_refusal and sec.is_operator_act: the acts of earlier releases as well."""
    past = ("member.add", "member.reset", "member.return", "client.add", "client.change_keys")
    past += ("client.change_networks", "client.return")
    function = "sec.log_operator_refusal(%s, %s, 'not_operators', %s, NULL, NULL)"
    with rolled_back(superuser) as cursor:
        for act in (*RIGHTS, *past):
            id_ = uuid4()
            cursor.execute(f"SELECT {function}", [id_, act, agency_id("ywca")])
            cursor.execute("SELECT act, decision, rule FROM access_entry WHERE id = %s", [id_])
            assert cursor.fetchall() == [(act, "refused", "not_operators")]
        for act in ("referral.open_packet", "staff.invite", JOBS[0]):
            cursor.execute("SAVEPOINT before")
            with pytest.raises(InsufficientPrivilege, match="not an act of"):
                cursor.execute(f"SELECT {function}", [uuid4(), act, agency_id("ywca")])
            cursor.execute("ROLLBACK TO before")


# -- Who reads the log -----------------------------------------------------------------------------


def test_an_oversight_agency_is_one_of_that_kind_which_is_there(api: Any, superuser: Any) -> None:
    """sec.oversight_agency_id, of who asks; sec.is_oversight_agency, of who may be opted in to."""
    taskforce, ywca = agency_id("taskforce"), agency_id("ywca")
    for who, expected in (
        ("taskforce.auditor", taskforce),
        ("taskforce.coordinator", None),
        ("ywca.auditor", None),
    ):
        assert as_auditor(api(who), "SELECT sec.oversight_agency_id()") == [(expected,)], who
    admin = api("ywca.admin")
    assert answer(admin, f"SELECT sec.is_oversight_agency('{taskforce}')") is True
    assert answer(admin, f"SELECT sec.is_oversight_agency('{ywca}')") is False
    change = "permissions_agency SET active = false WHERE id = %s"
    with changed(superuser, change, [taskforce], admin) as cursor:
        assert asked(cursor, "SELECT sec.is_oversight_agency(%s)", taskforce) is False


def let(cursor: Any, key: str, to: str, *, days: int = 7, withdrawn: bool = False) -> UUID:
    """An opt-in."""
    id_ = uuid4()
    cursor.execute(
        "INSERT INTO log_opt_in (id, agency_id, to_agency_id, given_by, ends_at, withdrawn_at)"
        " VALUES (%s, %s, %s, %s, now() + make_interval(days => %s), %s)",
        [id_, agency_id(key), agency_id(to), uuid4(), days, MONTH if withdrawn else None],
    )
    return id_


def test_opted_in_are_those_whose_opt_in_to_her_agency_stands(api: Any, superuser: Any) -> None:
    """sec.opted_in_agency_ids."""
    question = "SELECT unnest(sec.opted_in_agency_ids())::text"
    with rolled_back(superuser) as cursor:
        let(cursor, "ywca", "taskforce")
        let(cursor, "police", "taskforce", withdrawn=True)
        let(cursor, "hospital", "taskforce", days=-1)
        let(cursor, "sarc", "police")  # which oversees nobody
        ywca = [(str(agency_id("ywca")),)]
        assert found(cursor, api("taskforce.auditor"), question) == ywca
        for who in ("police.auditor", "taskforce.coordinator", "ywca.auditor"):
            assert found(cursor, api(who), question) == [], who


def test_how_often_an_opt_in_was_read_by_is_told_to_its_two_agencies(
    api: Any, superuser: Any
) -> None:
    """sec.opt_in_reads: reads by this opt-in, and nothing else that names its id."""
    with rolled_back(superuser) as cursor:
        one, other = (let(cursor, key, "taskforce") for key in ("ywca", "police"))
        for release, rule in ((one, "opt_in"), (one, "opt_in"), (other, "opt_in"), (one, "else")):
            enter(cursor, "taskforce", release_id=release, rule=rule)
        question = "SELECT opt_in::text, times FROM sec.opt_in_reads()"
        of_one, of_other = (str(one), 2), (str(other), 1)
        for who, told in (
            ("ywca.admin", {of_one}),
            ("police.auditor", {of_other}),
            ("taskforce.auditor", {of_one, of_other}),
            ("hospital.admin", set()),
            ("ywca.worker", set()),
        ):
            assert set(found(cursor, api(who), question)) == told, who


def test_in_whose_lists_a_referral_stood_is_told_of_her_own_agency(
    api: Any, superuser: Any
) -> None:
    """sec.referral_listings."""
    this, other = uuid4(), uuid4()
    ours, system = member_id("ywca.worker"), uuid4()
    with rolled_back(superuser) as cursor:
        for ids in ([this, other], [this], [other]):
            enter(cursor, "ywca", member_id=ours, referral_ids=ids)
        enter(cursor, "ywca", client_id=system, referral_ids=[this])
        enter(cursor, "police", member_id=member_id("police.worker"), referral_ids=[this])
        enter(cursor, "ywca", member_id=ours, act="event.list", referral_ids=[this])
        enter(cursor, "ywca", act="webhook.send", referral_ids=[this])
        question = (
            "SELECT member_id::text, client_id::text, act, times FROM sec.referral_listings(%s)"
        )
        told = {
            (str(ours), None, "webhook.list", 2),
            (str(ours), None, "event.list", 1),
            (None, str(system), "webhook.list", 1),
            (None, None, "webhook.send", 1),
        }
        assert set(found(cursor, api("ywca.auditor"), question, this)) == told
        assert found(cursor, api("ywca.worker"), question, this) == []


def test_a_reference_is_found_where_the_auditor_reads_entries_of_it(
    story: Story, api: Any, superuser: Any
) -> None:
    """sec.audited_referral_ids."""
    story.send().accept()
    question = "SELECT unnest(sec.audited_referral_ids(%s))::text"
    own = story.api("police.worker").get(f"/v1/referrals/{story.id}").json()["reference"]
    with rolled_back(superuser) as cursor:
        for who, told in (
            ("ywca.auditor", [(story.id,)]),
            ("police.auditor", [(story.id,)]),
            ("sarc.auditor", []),
            ("ywca.worker", []),
            ("ywca.admin", []),
        ):
            assert found(cursor, api(who), question, own) == told, who
            assert found(cursor, api(who), question, "BCDFGH") == []
        for purged, gone, left in (
            ("from_purged", "police.auditor", "ywca.auditor"),
            ("to_purged", "ywca.auditor", "police.auditor"),
        ):
            cursor.execute("SAVEPOINT before")
            cursor.execute(f"UPDATE referral SET {purged} = true WHERE id = %s", [story.id])
            assert found(cursor, api(gone), question, own) == []
            assert found(cursor, api(left), question, own) == [(story.id,)]
            cursor.execute("ROLLBACK TO before")


def test_an_auditor_is_told_her_own_agencys_partner_systems(api: Any, superuser: Any) -> None:
    """sec.client_names."""
    question = "SELECT client_id::text, name FROM sec.client_names()"
    with rolled_back(superuser) as cursor:
        cursor.execute(
            "SELECT id::text, name FROM permissions_client WHERE agency_id = %s",
            [agency_id("ywca")],
        )
        ours = set(cursor.fetchall())
        assert ours
        assert set(found(cursor, api("ywca.auditor"), question)) == ours
        assert not ours & set(found(cursor, api("police.auditor"), question))
        assert found(cursor, api("ywca.worker"), question) == []


def test_entries_are_counted_from_a_moment_until_another(api: Any, superuser: Any) -> None:
    """sec.log_counts: her own agency's, and everybody's for who oversees; why, of refusals only."""
    middle, until = MONTH + timedelta(days=9), MONTH + timedelta(days=20)
    moment = timedelta(microseconds=1)
    with rolled_back(superuser) as cursor:
        enter(cursor, "ywca", at=MONTH, rule="opt_in")
        enter(cursor, "ywca", at=until - moment, decision="refused", rule="stale")
        for _ in range(9):
            enter(cursor, "police", at=middle)
        enter(cursor, "hospital", at=middle)
        enter(cursor, None, at=middle, decision="refused", rule="unknown")
        enter(cursor, "ywca", at=MONTH - moment)
        enter(cursor, "ywca", at=until)
        question = (
            "SELECT agency_id::text, decision, rule, entries FROM sec.log_counts(%s, %s)"
            " WHERE act = 'webhook.list'"
        )
        ywca = str(agency_id("ywca"))
        own = {(ywca, "allowed", None, 1), (ywca, "refused", "stale", 1)}
        others = {(str(agency_id("police")), "allowed", None, 5), (None, "refused", "unknown", 1)}
        others |= {(str(agency_id("hospital")), "allowed", None, 0)}
        for who, counted in (
            ("ywca.auditor", own),
            ("taskforce.auditor", {(*one[:3], 0) for one in own} | others),
            ("ywca.worker", set()),
        ):
            assert set(found(cursor, api(who), question, MONTH, until)) == counted, who


def test_an_accounting_holds_what_her_own_agency_did_with_one_referral(
    story: Story, api: Any, superuser: Any
) -> None:
    """sec.accounting: behind an opening of its notes, what has a name or a reason one by one."""
    story.accept()
    other = Story(api, story.service_id).accept()
    worker = {"member_id": member_id("ywca.worker")}
    system = Client.objects.get(agency_id=agency_id("ywca"))
    question = (
        "SELECT act, times, client, reason FROM sec.accounting(%s, '{webhook.ping}')"
        " WHERE act LIKE 'webhook.%%' OR act = 'referral.open_notes' ORDER BY 1, 2, 3, 4"
    )
    with rolled_back(superuser) as cursor:
        about = worker | {"referral_id": story.id}
        for more in ({"act": "webhook.ping"}, {"rule": "why"}, {}):
            for _ in range(2):
                enter(cursor, "ywca", **about, **more)
        enter(
            cursor,
            "ywca",
            **worker,
            act="webhook.read",
            referral_ids=[UUID(other.id), UUID(story.id)],
        )
        enter(cursor, "ywca", client_id=system.id, referral_id=story.id)
        enter(cursor, "ywca", **about, decision="refused")
        enter(cursor, "ywca", **worker, referral_id=other.id)
        enter(cursor, "police", **about)
        assert found(cursor, api("ywca.worker"), question, story.id) == [], "nothing was opened"
        enter(cursor, "ywca", **about, act="referral.open_notes", purpose="review")
        assert found(cursor, api("ywca.worker"), question, story.id) == [
            ("referral.open_notes", 1, None, None),
            ("webhook.list", 1, system.name, None),
            ("webhook.list", 1, None, "why"),
            ("webhook.list", 1, None, "why"),
            ("webhook.list", 2, None, None),
            ("webhook.ping", 1, None, None),
            ("webhook.ping", 1, None, None),
            ("webhook.read", 1, None, None),
        ]
        assert found(cursor, api("ywca.worker"), question, other.id) == []


def test_the_count_of_transactions_jumps_behind_a_restore(story: Story, superuser: Any) -> None:
    """sec.continue_xact_count: above all that was ever fed, each time, and above the seconds since
    1970 times 2^30."""
    story.send()
    with rolled_back(superuser) as cursor:
        before = asked(cursor, "SELECT sec.xact()")
        first = asked(cursor, "SELECT sec.continue_xact_count()")
        assert first == asked(cursor, "SELECT sec.xact()") >= before + 2**40
        assert first >= asked(cursor, "SELECT extract(epoch FROM now())::bigint << 30")
        cursor.execute("UPDATE referral_event SET xact = sec.xact() + 2 ^ 61")
        newest = asked(cursor, "SELECT max(xact) FROM referral_event")
        second = asked(cursor, "SELECT sec.continue_xact_count()")
        assert second >= newest + 2**40
        assert second > first
