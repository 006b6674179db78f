"""Messages: who is notified of what happened, and on which channel."""

from typing import Any

from django.db import connections

from api.dev import demo
from api.dev.cast import CAST
from referrals.notifications import gaps
from tests.support.people.callers import agency_id
from tests.support.people.notifications import (
    DUTY,
    MARK,
    PEOPLE,
    YWCA_PHONES,
    keep,
    notified,
    number,
    off_duty,
    told_by_phone_too,
    work,
)
from tests.support.people.stories import PACKET, Story, service_of, to
from tests.support.servers.message_servers import MailServer, PhoneProvider

# -- Who is notified, of what ----------------------------------------------------------------------


def test_each_act_tells_whom_the_table_names(
    story: Story,
    api: Any,
    mails: MailServer,
    phones: PhoneProvider,
    reachable: None,
    shift_clock: Any,
) -> None:
    off_duty(api, "ywca.worker2", duty="on_call")
    story.create().release(*PACKET).packet(**PACKET)
    work()
    assert notified(phones, mails) == set()  # a draft tells nobody
    steps = (
        (story.send, {("ywca", "notice"), ("ywca.worker2", "notice")}),
        (lambda: story.answers("acknowledge"), {("police.worker", "answered")}),
        (lambda: story.answers("accept"), {("police.worker", "answered")}),
        (lambda: story.release(*PACKET), {("ywca.worker", "changed")}),
        (lambda: story.packet(**PACKET), {("ywca.worker", "changed")}),
        (lambda: story.answers("add_note", {"text": MARK}), set()),
        (lambda: story.answers("assign", to("ywca.worker2")), {("ywca.worker2", "assigned")}),
        (lambda: story.answers("start_handoff", {"mode": "phone"}), set()),
        (lambda: story.answers("revoke_release", {"via": "oral"}), set()),
        (lambda: story.sends("stop"), {("ywca.worker", "stop")}),
    )
    for place, (step, told) in enumerate(steps):
        shift_clock(f"{2 * place} minutes")  # of one kind there is one a minute
        step()
        work()
        assert notified(phones, mails) == told, step


def test_what_the_recipient_ended_rings_nobody_at_the_sender(
    story: Story, api: Any, mails: MailServer, phones: PhoneProvider, reachable: None
) -> None:
    for ending in ("complete", "unable", "stop"):
        one = Story(api, story.service_id).accept()
        work()
        notified(phones, mails)
        one.answers(ending, {"complete": {"outcome": "connected"}}.get(ending, _CODE.get(ending)))
        work()
        assert notified(phones, mails) == set(), ending


_CODE = {"unable": {"code": "could_not_contact"}}


def test_withdraw_and_decline_and_who_is_off_duty(
    story: Story, api: Any, mails: MailServer, phones: PhoneProvider, reachable: None
) -> None:
    story.send().answers("acknowledge").sends("withdraw", {"code": "other"})
    declined = Story(api, story.service_id).send()
    declined.answers("decline", {"code": "no_capacity"})
    work()
    told = notified(phones, mails)
    assert ("ywca.worker", "taken_back") in told
    assert ("police.worker", "answered") in told
    # "Off duty" forwards at once, to the agency's desk.
    off_duty(api, "police.worker")
    other = Story(api, story.service_id).send()
    other.answers("acknowledge")
    work()
    told = notified(phones, mails)
    assert ("police", "answered") in told
    assert not any(who == "police.worker" for who, _ in told)


def test_without_any_duty_address_everybody_who_may_is_rung(
    api: Any, mails: MailServer, phones: PhoneProvider, reachable: None
) -> None:
    story = Story(api, service_of("solo"), recipient="solo.all").send()
    work()
    assert notified(phones, mails) == {("solo.all", "notice")}
    off_duty(api, "solo.all")
    Story(api, story.service_id, recipient="solo.all").send()
    work()
    assert notified(phones, mails) == {("solo.all", "notice")}  # no one else is there: never silent


def test_an_agency_that_turned_notices_off_gets_none(
    story: Story,
    api: Any,
    superuser: Any,
    mails: MailServer,
    phones: PhoneProvider,
    reachable: None,
) -> None:
    story.send()
    turn = "UPDATE permissions_agency SET takes_notices = %s WHERE id = %s"
    with superuser.cursor() as cursor:
        cursor.execute(turn, [False, str(agency_id("ywca"))])
    try:
        work()
        assert notified(phones, mails) == set()
        story.answers("accept")
        work()
        notified(phones, mails)
        story.sends("stop")  # it is still notified of the referrals that it has
        work()
        assert notified(phones, mails) == {("ywca.worker", "stop")}
    finally:
        with superuser.cursor() as cursor:
            cursor.execute(turn, [True, str(agency_id("ywca"))])


# -- An emergency never goes out by mail alone -----------------------------------------------------


def test_of_an_emergency_whose_lines_are_mail_the_phones_of_reachable_members_ring(
    story: Story, api: Any, mails: MailServer, phones: PhoneProvider, reachable: None
) -> None:
    off_duty(api, "ywca.worker2")
    story.create(urgency="emergency").send()
    work()
    told = told_by_phone_too("notice")
    assert notified(phones, mails) == told - {("ywca.worker2", "notice")}


def test_of_an_emergency_the_phones_of_all_ring_where_everyone_is_off_duty(
    story: Story, api: Any, mails: MailServer, phones: PhoneProvider, reachable: None
) -> None:
    off_duty(api, *YWCA_PHONES)
    story.create(urgency="emergency").send()
    work()
    assert notified(phones, mails) == told_by_phone_too("notice")


def test_of_an_emergency_no_other_phone_rings_where_a_phone_is_among_the_first_lines(
    story: Story, api: Any, mails: MailServer, phones: PhoneProvider, reachable: None
) -> None:
    off_duty(api, "ywca.worker2", duty="on_call")
    story.create(urgency="emergency").send()
    work()
    assert notified(phones, mails) == {("ywca", "notice"), ("ywca.worker2", "notice")}


def test_what_is_no_emergency_goes_to_the_mailbox_as_before(
    story: Story, mails: MailServer, phones: PhoneProvider, reachable: None
) -> None:
    story.send()
    work()
    assert notified(phones, mails) == {("ywca", "notice")}


def test_of_an_emergency_that_bars_a_member_no_phone_rings_at_which_they_listen(
    story: Story, api: Any, mails: MailServer, phones: PhoneProvider, reachable: None
) -> None:
    """The barred member's own phone, and a coworker's line with the same number, stay silent."""
    keep(api, "ywca.lead", "voice", PEOPLE["ywca.worker2"])
    keep(api, "ywca.worker", "mail", "worker@ywca.invalid")
    story.create(urgency="emergency").send()
    assert api("ywca.lead").act(story.id, "block", to("ywca.worker2")).status_code == 200
    mails.received.clear()
    work()
    rung = {form["To"] for _, form in phones.received}
    assert rung == {number("ywca.worker"), number("ywca.lead")}


def test_in_the_demo_as_shipped_an_emergency_to_each_agency_rings_a_phone(
    api: Any, mails: MailServer, phones: PhoneProvider
) -> None:
    demo.keep_channels()
    demo.keep_rotas()
    demo.keep_rotas()  # twice is safe
    with connections["jobs"].cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT answered_by FROM directory_listing"
            " WHERE answered_by IS NOT NULL AND status = 'active' AND intake = 'taking'"
        )
        answering = {agency for (agency,) in cursor.fetchall()}
    gaps.step()
    keys = [unit.key for unit in CAST if agency_id(unit.key) in answering]
    assert len(keys) == len(answering) >= 3
    for key in keys:
        sender = "hospital.worker" if key == "police" else "police.worker"
        Story(api, service_of(key), sender=sender).create(urgency="emergency").send()
        work()
        assert phones.received, key
        assert not gaps.is_uncovered(agency_id(key)), key
        phones.received.clear()


# -- R12: no barred person learns of it ------------------------------------------------------------


def test_of_a_blocked_referral_unblocked_members_are_told_on_their_own_channels(
    story: Story, api: Any, mails: MailServer, phones: PhoneProvider, reachable: None
) -> None:
    off_duty(api, "ywca.worker", "ywca.worker2", duty="on_call")
    story.send().answers("acknowledge")
    assert api("ywca.worker").act(story.id, "block", to("ywca.worker2")).status_code == 200
    work()
    # The notice was made while nothing was barred, and is not sent to the desk now.
    told = notified(phones, mails)
    assert ("ywca.worker", "notice") in told
    assert {who for who, _ in told} == {"ywca.worker", "police.worker"}
    story.answers("accept").release(*PACKET).packet(**PACKET)
    off_duty(api, "ywca.worker")  # forwards to others who may know, never to the desk
    work()
    told = notified(phones, mails)
    assert ("ywca.lead", "changed") in told
    assert not {who for who, _ in told} & {"ywca", "ywca.worker2"}


def test_leads_only_tells_leads_only(
    story: Story, api: Any, mails: MailServer, phones: PhoneProvider, reachable: None
) -> None:
    story.create().sends("leads_only").send()
    work()
    assert notified(phones, mails) == {("ywca.lead", "notice")}


def test_a_barred_member_who_asks_is_told_of_to_the_holder_once_a_day(
    story: Story,
    api: Any,
    shift_clock: Any,
    mails: MailServer,
    phones: PhoneProvider,
    reachable: None,
) -> None:
    story.accept()
    assert api("ywca.worker").act(story.id, "block", to("ywca.worker2")).status_code == 200
    work()
    notified(phones, mails)
    for _ in range(3):
        assert api("ywca.worker2").get(f"/v1/referrals/{story.id}").status_code == 404
        work()
    assert notified(phones, mails) == {("ywca.worker", "review")}
    assert api("ywca.worker2").get(f"/v1/referrals/{story.id}").status_code == 404
    work()
    assert phones.received == []
    shift_clock("1 day")
    work()
    notified(phones, mails)  # about the hand-off, which no one tried in a day
    assert api("ywca.worker2").get(f"/v1/referrals/{story.id}").status_code == 404
    work()
    assert notified(phones, mails) == {("ywca.worker", "review")}


def test_one_of_the_barred_agency_who_asks_is_told_of_to_the_senders_holder(
    story: Story, api: Any, mails: MailServer, phones: PhoneProvider, reachable: None
) -> None:
    story.accept().sends("block", {"other_agency": True})
    work()
    notified(phones, mails)
    assert api("ywca.lead").get(f"/v1/referrals/{story.id}").status_code == 404
    work()
    assert notified(phones, mails) == {("police.worker", "review")}


# -- R7: a lead assigned themselves ----------------------------------------------------------------


def test_of_a_lead_who_puts_herself_on_it_the_desk_is_told_where_no_colleague_keeps_a_channel(
    story: Story, api: Any, mails: MailServer, phones: PhoneProvider
) -> None:
    keep(api, "ywca.admin", "mail", DUTY["ywca"], use="duty")
    keep(api, "ywca.lead", "sms", PEOPLE["ywca.lead"])
    story.accept()
    work()
    notified(phones, mails)
    body = {"reason": "holder_away"}
    assert api("ywca.lead").act(story.id, "take_over", body).status_code == 200
    work()
    assert notified(phones, mails) == {("ywca", "review")}


def test_of_a_lead_who_puts_herself_on_it_another_member_is_told(
    story: Story, api: Any, mails: MailServer, phones: PhoneProvider, reachable: None
) -> None:
    story.accept()
    work()
    notified(phones, mails)
    why = {"reason": "review", "keep": True}
    assert api("ywca.lead").act(story.id, "take_over", why).status_code == 200
    work()
    assert notified(phones, mails) == {("ywca.worker", "review"), ("ywca.worker2", "review")}


def test_in_an_agency_of_one_the_outside_reviewer_is_told_by_reference_only(
    api: Any, mails: MailServer, phones: PhoneProvider, reachable: None
) -> None:
    story = Story(api, service_of("solo"), recipient="solo.all").accept()
    reference = api("police.worker").get(f"/v1/referrals/{story.id}").json()["reference"]
    work()
    notified(phones, mails)
    with connections["jobs"].cursor() as cursor:  # as when she left, and came back
        cursor.execute("DELETE FROM referral_assignment WHERE content_object_id = %s", [story.id])
    why = to("solo.all") | {"reason": "review"}
    assert api("solo.all").act(story.id, "assign", why).status_code == 200
    work()
    ((_, form),) = phones.to(number("ywca.lead"))
    assert reference in form["Body"]
    assert notified(phones, mails) == {("ywca.lead", "review")}
