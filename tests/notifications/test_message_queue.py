"""Messages: who is told by what happened, on which channel, in which words; sent at least once."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import connections

from referrals.deadlines import purge
from referrals.notifications import message_queue, message_texts, transports, triggers
from tests.support.callers import agency_id
from tests.support.database import as_app
from tests.support.message_servers import MailServer, PhoneProvider
from tests.support.notifications import (
    DUTY,
    MARK,
    PEOPLE,
    keep,
    notified,
    number,
    off_duty,
    states,
    template_of,
    work,
)
from tests.support.stories import PACKET, Story, service_of, to

# -- Who is told, by what happened -----------------------------------------------------------------


def test_each_act_tells_whom_the_table_names(
    story: Story, api: Any, mails: MailServer, phones: PhoneProvider, reachable: None
) -> None:
    off_duty(api, "ywca.worker2", duty="on_call")
    story.create().release(*PACKET).packet(**PACKET)
    work()
    assert notified(phones, mails) == set()  # a draft tells nobody
    for step, told in (
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
    ):
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
    assert notified(phones, mails) == {("solo.all", "notice")}  # nobody else is there: never silent


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
        story.sends("stop")  # of what it has, it is told
        work()
        assert notified(phones, mails) == {("ywca.worker", "stop")}
    finally:
        with superuser.cursor() as cursor:
            cursor.execute(turn, [True, str(agency_id("ywca"))])


# -- R12: nobody barred learns of it ---------------------------------------------------------------


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
    off_duty(api, "ywca.worker")  # forwards to whoever else may be told, never to the desk
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
    notified(phones, mails)  # of the hand-off, which nobody tried in a day
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


# -- R7: a lead put herself on it ------------------------------------------------------------------


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


# -- The words -------------------------------------------------------------------------------------


def test_all_texts_are_of_one_size_and_say_nothing() -> None:
    forbidden = ("shelter", "victim", "abuse", "violence", "traffick", "police", "hospital")
    for template in message_texts.SAYS:
        for language in ("en", "es"):
            words = message_texts.text(template, language, "BCDFGH")
            assert len(words.encode()) == message_texts.SIZE
            assert words.isascii()
            assert "BCDFGH" in words
            assert not any(word in words.lower() for word in forbidden)
            assert "Response" not in message_texts.spoken(template, language, "BCDFGH")


def test_nothing_of_her_leaves_by_mail_sms_or_call(
    story: Story, api: Any, mails: MailServer, phones: PhoneProvider, reachable: None
) -> None:
    keep(api, "ywca.lead", "voice", "406-555-0184", language="es")
    keep(api, "ywca.lead", "mail", "lead@ywca.invalid", language="es")
    off_duty(api, "ywca.lead", duty="on_call")
    story.accept().release(*PACKET).packet(**dict.fromkeys(PACKET, MARK))
    story.answers("add_note", {"text": MARK}).sends("add_note", {"text": MARK})
    shown = api("police.worker").get(f"/v1/referrals/{story.id}").json()
    work()
    calls = [form for kind, form in phones.received if kind == "voice"]
    assert len(calls) == 1
    assert "Gather" not in calls[0]["Twiml"]
    assert "Una solicitud espera su respuesta" in calls[0]["Twiml"]
    left = b"".join(mails.raw).decode() + str(phones.received)
    assert shown["reference"] in left
    for word in (MARK, shown["service"]["name"], "Demo Women", "Demo City", "Yve", story.id):
        assert word not in left, word
    sizes = {len(form["Body"]) for kind, form in phones.received if kind == "sms"}
    assert sizes == {message_texts.SIZE}
    assert {str(mail["Subject"]) for _, mail in mails.received} == set(
        message_texts.SUBJECT.values()
    )
    assert {mail["Auto-Submitted"] for _, mail in mails.received} == {"auto-generated"}
    assert set(phones.authorized)  # the library signed in


# -- Sending: refused, tried again, dead -----------------------------------------------------------


def test_what_is_refused_for_good_is_dead_and_told_to_the_desk_at_once(
    story: Story, api: Any, mails: MailServer, phones: PhoneProvider, reachable: None
) -> None:
    story.send()
    work()
    notified(phones, mails)
    phones.refuse[number("police.worker")] = 400
    story.answers("acknowledge")
    work()
    assert notified(phones, mails) == {("police", "answered")}
    assert states(api, "police.worker") == [("dead", "twilio_400", 1)]


def test_what_fails_is_tried_again_later_and_then_dead_and_visible(
    story: Story,
    api: Any,
    shift_clock: Any,
    mails: MailServer,
    phones: PhoneProvider,
    reachable: None,
) -> None:
    mails.refuse[DUTY["ywca"]] = 451
    story.create(urgency="routine").send()  # it goes on for as long as that
    work()
    assert states(api, "ywca.admin") == [("waiting", "refused", 1)]
    for tries in range(2, message_queue.MOST_TRIES + 1):
        work()
        assert states(api, "ywca.admin") == [("waiting", "refused", tries - 1)]  # not before time
        shift_clock(f"{tries} hours")
        work()
    assert states(api, "ywca.admin") == [("dead", "refused", message_queue.MOST_TRIES)]
    (one,) = api("ywca.admin").get("/v1/messages", {"state": "dead"}).json()["items"]
    mails.refuse.clear()
    for who, status in (("ywca.worker", 404), ("police.admin", 404), ("ywca.admin", 200)):
        assert api(who).post(f"/v1/messages/{one['id']}/retry").status_code == status
    work()
    assert states(api, "ywca.admin") == [("sent", "handed_over", 1)]
    assert len(mails.of(DUTY["ywca"])) == 1
    assert api("ywca.admin").post(f"/v1/messages/{one['id']}/retry").status_code == 409


def test_a_worker_that_is_killed_leaves_a_message_to_the_next(
    story: Story,
    api: Any,
    shift_clock: Any,
    mails: MailServer,
    phones: PhoneProvider,
    reachable: None,
) -> None:
    story.send()
    triggers.step()
    claimed = message_queue.claim_message("mail")  # and then it is killed
    assert claimed is not None
    assert message_queue.claim_message("mail") is None  # nobody else sends it meanwhile
    shift_clock("61 seconds")
    work()
    assert len(mails.of(DUTY["ywca"])) == 1
    # The first one comes back to life after all, and writes nothing down.
    message_queue.record_try(claimed, "late", sent=False, final=True)
    assert states(api, "ywca.admin") == [("sent", "handed_over", 2)]
    (mail,) = mails.of(DUTY["ywca"])
    assert str(claimed.id) in mail["Message-ID"]


def test_an_event_is_told_once_however_often_and_wherever_the_work_is_done(
    story: Story, mails: MailServer, phones: PhoneProvider, reachable: None, superuser: Any
) -> None:
    story.send()
    work()
    notified(phones, mails)
    with superuser.cursor() as cursor:  # as after a restore of yesterday's copy
        cursor.execute("UPDATE referral_event SET told = false")
    work()
    assert notified(phones, mails) == set()


def test_without_a_provider_nothing_is_lost(
    story: Story, api: Any, settings: Any, mails: MailServer, shift_clock: Any, reachable: None
) -> None:
    settings.SENDERS = {"mail": None, "phone": None}
    story.send()
    for minutes in range(1, 13):  # more often than a message is tried that somebody refuses
        work()
        assert states(api, "ywca.admin")[-1] == ("waiting", "no_provider", 0)
        shift_clock(f"{minutes} minutes")
    settings.SENDERS = {"mail": "smtp", "phone": None}
    work()
    assert states(api, "ywca.admin")[-1] == ("sent", "handed_over", 1)


def test_a_notice_of_what_is_over_is_not_sent_any_more(
    story: Story, api: Any, settings: Any, mails: MailServer, shift_clock: Any, reachable: None
) -> None:
    settings.SENDERS = {"mail": None, "phone": None}
    story.send()
    work()
    story.sends("withdraw", {"code": "help_found"})
    settings.SENDERS = {"mail": "smtp", "phone": None}
    shift_clock("1 minute")
    work()
    assert "notice" not in {template_of(str(one.get_payload())) for _, one in mails.received}


def test_the_demo_keeps_and_prints_what_it_would_send(
    story: Story, api: Any, settings: Any, tmp_path: Path, capsys: Any
) -> None:
    settings.DEMO_MESSAGES = tmp_path / "messages"
    keep(api, "ywca.admin", "mail", DUTY["ywca"], use="duty")
    story.send()
    work()
    (shown,) = transports.demo_messages()
    assert shown["to"] == DUTY["ywca"]
    printed = capsys.readouterr().out
    assert shown["text"] in printed
    assert DUTY["ywca"] not in printed
    assert (tmp_path / "messages").stat().st_mode & 0o777 == 0o600


def test_an_sms_of_which_nobody_knows_whether_it_left_is_looked_for_before_it_is_sent_again(
    story: Story, api: Any, mails: MailServer, phones: PhoneProvider, shift_clock: Any
) -> None:
    keep(api, "ywca.admin", "sms", "406-555-0161", use="duty")
    phones.silent = True  # it takes the message, and its answer never comes
    story.send()
    work()
    ((_, at, form),) = phones.kept
    phones.kept += [("sms", at, form | {"Body": f"another {one}"}) for one in range(200)]
    ((state, outcome, tries),) = states(api, "ywca.admin")
    assert (state, tries) == ("waiting", 1), outcome
    shift_clock("1 minute")
    work()
    assert states(api, "ywca.admin") == [("sent", "handed_over", 2)]
    assert len(phones.received) == 1, "not a second time"
    phones.refuse["+14065550161"] = 503  # this one it does not take, and says so
    Story(api, story.service_id).send()
    work()
    phones.refuse.clear()
    shift_clock("2 minutes")
    work()
    assert [state for state, _, _ in states(api, "ywca.admin")] == ["sent", "sent"]
    assert len(phones.received) == 2, "of another reference: other words"


def test_the_same_words_of_long_ago_are_not_this_message(
    story: Story, api: Any, mails: MailServer, phones: PhoneProvider, shift_clock: Any
) -> None:
    keep(api, "ywca.worker", "sms", "406-555-0162")
    story.accept().release(*PACKET).packet(**PACKET)
    work()
    phones.kept[:] = [(kind, at - timedelta(minutes=2), form) for kind, at, form in phones.kept]
    before = len(phones.received)
    phones.refuse["+14065550162"] = 503
    story.packet(name="Another Invented Person")  # "Something was changed.", as before
    work()
    phones.refuse.clear()
    shift_clock("30 seconds")
    work()
    assert len(phones.received) == before + 1


def test_all_duty_addresses_are_told_at_once_in_their_order(
    story: Story, api: Any, mails: MailServer
) -> None:
    for position, name in ((3, "third"), (1, "first"), (2, "second")):
        address = f"{name}@ywca.invalid"
        keep(api, "ywca.admin", "mail", address, use="duty", position=position)
    story.send()
    work()
    told = [address.split("@")[0] for address, _ in mails.received]
    assert told == ["first", "second", "third"]


def test_a_test_is_forgotten_after_thirty_days(
    api: Any, mails: MailServer, shift_clock: Any, superuser: Any
) -> None:
    channel = keep(api, "ywca.worker", "mail", "own@ywca.invalid")
    assert api("ywca.worker").post(f"/v1/channels/{channel}/ring").status_code == 202
    work()
    for after, left in (("29 days", 1), ("30 days 1 minute", 0)):
        shift_clock(after)
        purge.run()
        with superuser.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM message")
            assert cursor.fetchone() == (left,), after


# -- The record ------------------------------------------------------------------------------------


def test_the_record_holds_no_address_and_no_words(
    story: Story, mails: MailServer, phones: PhoneProvider, reachable: None, superuser: Any
) -> None:
    story.send().answers("acknowledge")
    work()
    with superuser.cursor() as cursor:
        for table in ("message", "access_entry"):
            cursor.execute(f"SELECT coalesce(string_agg(t::text, ' '), '') FROM {table} t")
            kept = cursor.fetchone()[0]
            for address in (*DUTY.values(), *map(number, PEOPLE), *PEOPLE.values()):
                assert address not in kept, table
        cursor.execute("SELECT count(*) FROM message WHERE state = 'sent'")
        assert cursor.fetchone() == (2,)


def test_a_message_is_seen_by_whose_it_is(
    story: Story, api: Any, mails: MailServer, phones: PhoneProvider, reachable: None
) -> None:
    story.send().answers("acknowledge")
    work()
    seen = {}
    for who in ("police.worker", "police.worker2", "police.lead", "police.admin", "ywca.admin"):
        items = api(who).get("/v1/messages").json()["items"]
        seen[who] = [(one["template"], one["own"]) for one in items]
    assert seen == {
        "police.worker": [("answered", True)],
        "police.worker2": [],
        "police.lead": [],
        "police.admin": [],
        "ywca.admin": [("notice", False)],
    }
    with as_app(api("ywca.admin")) as cursor:
        cursor.execute("SELECT has_column_privilege('message', 'referral_id', 'SELECT')")
        assert cursor.fetchone() == (False,)
    assert api("police.client", "police.worker").get("/v1/messages").status_code == 403


def test_what_was_sent_goes_with_the_referral(
    story: Story,
    mails: MailServer,
    phones: PhoneProvider,
    reachable: None,
    shift_clock: Any,
    superuser: Any,
) -> None:
    story.send().sends("withdraw", {"code": "other"})
    work()
    assert notified(phones, mails)
    for days in (25, 40):  # told seven days before, then purged (R13)
        shift_clock(f"{days} days")
        purge.run()
    with superuser.cursor() as cursor:
        for table in ("referral", "message"):
            cursor.execute(f"SELECT count(*) FROM {table}")
            assert cursor.fetchone() == (0,), table
