"""A number or address is proven by a code before anything else is sent to it."""

import re
from typing import Any

import pytest
from django.test import override_settings

from permissions.identity import contact_channels
from referrals.deadlines import purge
from tests.support.ground.database import as_app
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.notifications import add, keep, off_duty, states, template_of, work
from tests.support.people.stories import Story
from tests.support.servers.message_servers import MailServer, PhoneProvider

STRANGER = "406-555-0142"


def code(api: Any, who: str, channel: str) -> Any:
    return api(who).post(f"/v1/channels/{channel}/code")


def verify(api: Any, who: str, channel: str, given: str) -> Any:
    return api(who).post(f"/v1/channels/{channel}/verify", {"code": given})


def code_in(words: str) -> str:
    found = re.search(r"Referenc(?:e|ia) (\d{6})\.", words)
    assert found, words
    return found[1]


def wrong(given: str) -> str:
    return f"{(int(given) + 1) % 10**6:06}"


def test_a_member_makes_cairn_call_a_stranger_again_and_again(
    api: Any, mails: MailServer, phones: PhoneProvider, shift_clock: Any
) -> None:
    """Adds the number, asks for a test and a code, removes it, and so on."""
    worker = api("ywca.worker")
    answers = []
    for minute in range(12):
        shift_clock(f"{2 * minute} minutes")
        channel = add(api, "ywca.worker", "voice", STRANGER)
        test = worker.post(f"/v1/channels/{channel}/ring")
        assert (test.status_code, test.json()["code"]) == (409, "not_proven")
        answers.append(code(api, "ywca.worker", channel).status_code)
        work()
        assert worker.delete(f"/v1/channels/{channel}").status_code == 204
    assert answers == [202, 202, 202] + [429] * 9
    assert [kind for kind, _ in phones.to("+14065550142")] == ["voice"] * 3
    for number in range(4):  # of other strangers three more in all
        channel = add(api, "ywca.worker", "sms", f"406-555-015{number}")
        answer = code(api, "ywca.worker", channel)
        assert answer.status_code == (202 if number < 3 else 429)
        work()
    assert answer.json()["code"] == "codes_spent"
    assert 0 < int(answer["Retry-After"]) <= 24 * 3600
    assert len(phones.received) == 6
    shift_clock("25 hours")
    assert code(api, "ywca.worker", channel).status_code == 202


def test_two_codes_to_one_line_are_a_minute_apart(api: Any, shift_clock: Any) -> None:
    """By another kind, or removed and added again, it is the same line."""
    channel = add(api, "ywca.worker", "voice", STRANGER)
    assert code(api, "ywca.worker", channel).status_code == 202
    for again in (channel, add(api, "ywca.worker", "sms", STRANGER)):
        answer = code(api, "ywca.worker", again)
        assert answer.status_code == 429
        assert 0 < int(answer["Retry-After"]) <= 60
    assert api("ywca.worker").delete(f"/v1/channels/{channel}").status_code == 204
    assert code(api, "ywca.worker", add(api, "ywca.worker", "voice", STRANGER)).status_code == 429
    # What another asked for is no one's to find out.
    for who, use in (("ywca.worker2", "own"), ("police.admin", "duty")):
        other = add(api, who, "voice", STRANGER, use=use)
        assert code(api, who, other).status_code == 202, who
    shift_clock("61 seconds")
    assert code(api, "ywca.worker", again).status_code == 202


def test_what_is_not_proven_gets_no_alert(
    story: Story, api: Any, mails: MailServer, phones: PhoneProvider
) -> None:
    """Neither a member's number, nor an agency's duty address and contact."""
    add(api, "ywca.admin", "mail", "duty@ywca.invalid", use="duty")
    add(api, "ywca.admin", "voice", STRANGER, use="escalation")
    for who, number in (("ywca.worker", "0181"), ("ywca.lead", "0183"), ("police.worker", "0171")):
        add(api, who, "sms", f"406-555-{number}")
    story.send().answers("acknowledge").answers("accept").sends("stop")
    work()
    assert (phones.received, mails.received) == ([], [])
    proven = keep(api, "police.worker", "voice", "406-555-0172")
    Story(api, story.service_id).send().answers("acknowledge")
    work()
    assert [form["To"] for _, form in phones.received] == ["+14065550172"]
    assert proven


@pytest.mark.parametrize("kind", ["mail", "sms", "voice"])
def test_a_code_proves_a_channel_by_its_own_kind(
    api: Any, mails: MailServer, phones: PhoneProvider, superuser: Any, kind: str
) -> None:
    address = "own@ywca.invalid" if kind == "mail" else "406-555-0181"
    channel = add(api, "ywca.worker", kind, address)
    asked = code(api, "ywca.worker", channel)
    assert (asked.status_code, asked.json()["proven_at"]) == (202, None)
    work()
    if kind == "mail":
        (words,) = (str(mail.get_payload()) for _, mail in mails.received)
    else:
        ((sent, form),) = phones.received
        assert sent == kind
        words = form["Body"] if kind == "sms" else form["Twiml"].replace(", ", "")
    if kind != "voice":
        assert template_of(words) == "code"
    given = code_in(words)
    refused = verify(api, "ywca.worker", channel, wrong(given))
    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_code")
    for _ in range(2):  # twice is safe
        answer = verify(api, "ywca.worker", channel, f" {given[:3]}-{given[3:]}")
        assert answer.status_code == 200, answer.content
        assert answer.json()["proven_at"] is not None
    assert code(api, "ywca.worker", channel).status_code == 202  # and sends none
    work()
    assert len(mails.received) + len(phones.received) == 1
    assert api("ywca.worker").post(f"/v1/channels/{channel}/ring").status_code == 202
    with superuser.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM channel_code")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT string_agg(m::text, ' ') FROM message m")
        assert given not in cursor.fetchone()[0]


def test_a_code_takes_five_tries_and_lives_ten_minutes(
    api: Any, phones: PhoneProvider, shift_clock: Any
) -> None:
    channel = add(api, "ywca.worker", "sms", "406-555-0181")
    none = verify(api, "ywca.worker", channel, "000000")
    assert (none.status_code, none.json()["code"]) == (409, "no_code")
    code(api, "ywca.worker", channel)
    work()
    given = code_in(phones.to("+14065550181")[0][1]["Body"])
    tries = [verify(api, "ywca.worker", channel, wrong(given)) for _ in range(6)]
    assert [one.json()["code"] for one in tries] == ["wrong_code"] * 5 + ["no_code"]
    assert verify(api, "ywca.worker", channel, given).json()["code"] == "no_code"
    shift_clock("2 minutes")
    code(api, "ywca.worker", channel)
    work()
    newer = code_in(phones.to("+14065550181")[1][1]["Body"])
    shift_clock("12 minutes 5 seconds")
    assert verify(api, "ywca.worker", channel, newer).json()["code"] == "no_code"
    assert code(api, "ywca.worker", channel).status_code == 202  # the third to it today
    work()
    newest = code_in(phones.to("+14065550181")[2][1]["Body"])
    assert verify(api, "ywca.worker", channel, newest).status_code == 200


def test_a_code_that_is_late_or_needless_is_not_sent(
    api: Any, settings: Any, phones: PhoneProvider, shift_clock: Any
) -> None:
    providers = settings.SENDERS
    settings.SENDERS = {"mail": None, "phone": None}
    late = add(api, "ywca.worker", "sms", "406-555-0181")
    code(api, "ywca.worker", late)
    work()
    assert states(api, "ywca.worker") == [("waiting", "no_provider", 0)]
    shift_clock("11 minutes")
    settings.SENDERS = providers
    work()
    assert phones.received == []
    assert states(api, "ywca.worker") == []
    purge.run()  # and the code is gone
    assert verify(api, "ywca.worker", late, "000000").json()["code"] == "no_code"


def test_a_code_is_for_whose_channel_it_is(api: Any, phones: PhoneProvider, superuser: Any) -> None:
    own = add(api, "ywca.worker", "sms", "406-555-0181")
    duty = add(api, "ywca.admin", "sms", "406-555-0182", use="duty")
    assert code(api, "ywca.worker", own).status_code == 202
    assert code(api, "ywca.admin", duty).status_code == 202
    work()
    given = {
        own: code_in(phones.to("+14065550181")[0][1]["Body"]),
        duty: code_in(phones.to("+14065550182")[0][1]["Body"]),
    }
    for who, which in (("ywca.admin", own), ("ywca.lead", own), ("police.admin", duty)):
        assert code(api, who, which).status_code == 404, who
        assert verify(api, who, which, given[which]).status_code == 404, who
        with as_app(api(who)) as cursor:
            cursor.execute("SELECT sec.prove_channel(%s, %s)", [which, given[which]])
            assert cursor.fetchone() == ("none",), who
    with as_app(api("ywca.worker")) as cursor:
        cursor.execute("SELECT sec.prove_channel(%s, NULL)", [own])
        assert cursor.fetchone() == ("wrong",)
        cursor.execute("SELECT has_table_privilege('channel_code', 'SELECT')")
        assert cursor.fetchone() == (False,)
        cursor.execute("SELECT has_column_privilege('channel', 'proven_at', 'UPDATE')")
        assert cursor.fetchone() == (False,)
    assert verify(api, "ywca.admin", duty, given[duty]).status_code == 200
    with superuser.cursor() as cursor:
        cursor.execute("SELECT id::text FROM channel WHERE proven_at IS NOT NULL")
        assert cursor.fetchall() == [(duty,)]


@pytest.mark.parametrize(
    "number",
    [
        *("900-555-0123", "1 900 555 0123", "+19005550123", "406-976-5555", "+12129761234"),
        *("+44 9098 790000", "+5215555555555", "+1 011 555 0123", "+1 406 055 0123"),
    ],
)
def test_a_number_that_costs_its_callers_extra_is_not_called(api: Any, number: str) -> None:
    for kind in ("sms", "voice"):
        answer = api("ywca.worker").post("/v1/channels", {"kind": kind, "address": number})
        assert (answer.status_code, answer.json()["code"]) == (400, "number_not_called")
        assert answer.json()["pointer"] == "/address"


def test_a_number_of_before_the_rule_is_not_called_either(
    story: Story, api: Any, superuser: Any, phones: PhoneProvider
) -> None:
    keep(api, "ywca.lead", "voice", "406-555-0184")
    with superuser.cursor() as cursor:
        cursor.execute("UPDATE channel SET address = '+19005550123' WHERE kind = 'voice'")
    off_duty(api, "ywca.lead", duty="on_call")
    story.send()
    work()
    assert [form["To"] for kind, form in phones.received if kind == "voice"] == []
    with superuser.cursor() as cursor:
        cursor.execute("SELECT state, outcome FROM message WHERE kind = 'voice'")
        assert cursor.fetchall() == [("dead", "number_not_called")]


@pytest.mark.no_database
def test_the_operator_allows_a_country() -> None:
    with override_settings(PHONE_COUNTRIES=("1", "52")):
        assert contact_channels.normalize_address("sms", "+52 1 555 555 5555") == "+5215555555555"


def test_a_number_is_confirmed_at_the_desk(
    api: Any, mails: MailServer, phones: PhoneProvider
) -> None:
    pages, page = at_the_desk("ywca.worker"), "/desk/channels"
    given = {"what": "add", "kind": "sms", "address": "406-555-0181", "language": "es"}
    added = text_of(pages.submit(page, given).content)
    assert "A code is on its way there. Enter it below within 10 minutes." in added
    assert "None of these is confirmed. Until one is, no one is alerted." in added
    assert "Not confirmed: no alert goes there." in added
    assert "Send a test" not in added
    (one,) = api("ywca.worker").get("/v1/channels").json()["own"]
    work()
    sent = code_in(phones.to("+14065550181")[0][1]["Body"])
    refused = pages.submit(page, {"what": "verify", "which": one["id"], "code": wrong(sent)})
    assert refused.status_code == 409
    assert "This is not the code. Check the message again." in text_of(refused.content)
    again = pages.submit(page, {"what": "code", "which": one["id"]})
    assert again.status_code == 429
    assert "Too many codes were sent to it" in text_of(again.content)
    done = text_of(pages.submit(page, {"what": "verify", "which": one["id"], "code": sent}).content)
    assert "Confirmed. Alerts go there from now on." in done
    assert "Not confirmed" not in done
    assert "Send a test" in done
