"""An agency at which no phone answers: who is notified, and how often."""

from datetime import timedelta
from typing import Any

import pytest

from permissions.errors import NotPermitted
from referrals.notifications import gaps
from referrals.on_call import changes
from tests.support.people.callers import agency_id, member_id
from tests.support.people.notifications import keep, notified, off_duty, work
from tests.support.people.rota import now, principal, set_rotation
from tests.support.servers.message_servers import MailServer, PhoneProvider

NO_LINE = {("ywca.lead", "no_line")}
YWCA = agency_id("ywca")


def look() -> None:
    gaps.step()
    work()


@pytest.fixture
def counted(api: Any, mails: MailServer, phones: PhoneProvider, reachable: None) -> Any:
    """What the YWCA was sent since; other agencies of the demo have gaps of their own."""

    def told() -> set[tuple[str, str]]:
        look()
        return {one for one in notified(phones, mails) if one[0].startswith("ywca")}

    return told


def test_a_gap_is_told_to_leads_and_administrators_once(
    api: Any, counted: Any, shift_clock: Any
) -> None:
    keep(api, "ywca.admin", "mail", "duty@ywca.invalid")  # their own, too
    assert counted() == {*NO_LINE, ("ywca", "no_line")}
    assert gaps.is_uncovered(YWCA)
    shift_clock("1 hour")
    assert counted() == set()
    set_rotation(api)
    assert ("ywca.lead", "no_line") not in counted()
    assert not gaps.is_uncovered(YWCA)
    shift_clock("2 hours")
    off_duty(api, "ywca.worker", "ywca.worker2", "ywca.lead")
    assert counted() == {("ywca", "no_line")}  # the lead's own phone is off duty, and stays silent


def test_a_phone_that_someone_answers_is_no_gap(api: Any, counted: Any) -> None:
    """A shared number, a member who set themselves on call, or who is on by the rota."""
    off_duty(api, "ywca.worker", duty="on_call")
    assert counted() == set()
    off_duty(api, "ywca.worker", duty="reachable")
    assert counted() == NO_LINE
    keep(api, "ywca.admin", "voice", "406-555-0131", use="duty")
    assert counted() == set()


def test_a_gap_that_ends_for_a_moment_is_told_once(api: Any, counted: Any) -> None:
    assert counted() == NO_LINE
    for _ in range(3):
        off_duty(api, "ywca.worker", duty="on_call")
        assert counted() == set()
        assert not gaps.is_uncovered(YWCA)
        off_duty(api, "ywca.worker", duty="reachable")
        assert counted() == set()
        assert gaps.is_uncovered(YWCA)


def test_a_rota_whose_person_has_no_phone_is_a_gap(
    api: Any, counted: Any, shift_clock: Any
) -> None:
    assert counted() == NO_LINE
    lead, start = principal(api, "ywca.lead"), now()
    changes.add_shift(lead, member_id("ywca.worker"), "first", start, start + timedelta(days=1))
    assert ("ywca.worker", "check_shifts") in counted()
    assert not gaps.is_uncovered(YWCA)
    shift_clock("1 hour")
    for kept in api("ywca.worker").get("/v1/channels").json()["own"]:
        assert api("ywca.worker").delete(f"/v1/channels/{kept['id']}").status_code == 204
    assert counted() == NO_LINE


def test_the_coordinator_is_shown_agencies_by_name_and_no_one_else_is(
    api: Any, counted: Any
) -> None:
    counted()
    shown = gaps.list_uncovered(principal(api, "taskforce.coordinator"))
    assert YWCA in {one.agency_id for one in shown}
    assert [one.name for one in shown] == sorted(one.name for one in shown)
    for who in ("ywca.lead", "ywca.admin", "taskforce.auditor"):
        with pytest.raises(NotPermitted):
            gaps.list_uncovered(principal(api, who))


def test_an_agency_that_takes_no_referrals_here_has_no_gap(
    api: Any, counted: Any, superuser: Any
) -> None:
    turn = "UPDATE permissions_agency SET takes_notices = %s WHERE id = %s"
    with superuser.cursor() as cursor:
        cursor.execute(turn, [False, str(YWCA)])
    try:
        assert counted() == set()
        assert not gaps.is_uncovered(YWCA)
    finally:
        with superuser.cursor() as cursor:
            cursor.execute(turn, [True, str(YWCA)])


def test_two_workers_at_once_begin_one_gap(api: Any, counted: Any, superuser: Any) -> None:
    look()
    gaps._begin(YWCA, now())  # the other worker, a moment later
    with superuser.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM on_call_gap WHERE agency_id = %s", [str(YWCA)])
        assert cursor.fetchone() == (1,)
