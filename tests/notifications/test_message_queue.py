"""Messages: in which words they are sent, on which channel, and at least once."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from referrals.deadlines import purge
from referrals.notifications import message_queue, message_texts, transports, triggers
from tests.support.ground.database import as_app
from tests.support.people.notifications import (
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
from tests.support.people.stories import PACKET, Story
from tests.support.servers.message_servers import MailServer, PhoneProvider

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
    assert {str(mail["Subject"]) for _, mail in mails.received} == {
        message_texts.subject(language) for language in ("en", "es")
    }
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
    assert message_queue.claim_message("mail") is None  # no other worker sends it meanwhile
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
    for minutes in range(1, 13):  # more often than a refused message is tried
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
    shift_clock("4 minutes")
    work()
    shift_clock("8 minutes")
    phones.kept[:] = [(kind, at + timedelta(minutes=6), form) for kind, at, form in phones.kept]
    before = len(phones.received)
    phones.refuse["+14065550162"] = 503
    story.packet(name="Another Invented Person")  # "A referral was updated.", as before
    work()
    phones.refuse.clear()
    shift_clock("8 minutes 30 seconds")
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
