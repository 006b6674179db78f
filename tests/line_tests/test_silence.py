"""A line that leaves two tests unanswered: who is shown it, by which way, and what ends it."""

from datetime import timedelta
from typing import Any

import pytest

from referrals import models as m
from referrals.notifications.line_tests import cover, silence
from tests.support.people import line_tests as scene
from tests.support.people.callers import agency_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.line_tests import DAY, HOUR, monday, pass_week, set_clock, tap
from tests.support.people.notifications import keep, prove, template_of
from tests.support.people.notifications import work as send_messages
from tests.support.servers.message_servers import MailServer, PhoneProvider

YWCA = agency_id("ywca")
NUMBER = scene.early_number()
LEADS_MAIL = "lead@ywca.invalid"


@pytest.fixture
def silent(api: Any, phones: PhoneProvider, mails: MailServer, shift_clock: Any) -> str:
    """A worker's own line that left two tests unanswered; its channel."""
    channel = keep(api, "ywca.worker", "sms", NUMBER)
    keep(api, "ywca.lead", "mail", LEADS_MAIL)
    for week in range(2):
        pass_week(shift_clock, week)
    set_clock(shift_clock, monday(2))
    cover.step()
    return channel


def found() -> list[silence.Silent]:
    return silence.of_agency(YWCA)


def said(who: str, path: str) -> str:
    answer = at_the_desk(who).get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return text_of(answer.content)


def test_one_unanswered_test_is_no_silence(
    api: Any, phones: PhoneProvider, mails: MailServer, shift_clock: Any
) -> None:
    keep(api, "ywca.worker", "sms", NUMBER)
    pass_week(shift_clock)
    set_clock(shift_clock, monday(1))
    cover.step()
    assert found() == []


def test_the_lead_and_the_administrator_are_shown_whose_line_it_is(silent: str) -> None:
    for who in ("ywca.lead", "ywca.admin"):
        words = said(who, "/desk/on-call")
        assert "1 phone line does not answer" in words
        assert "Yve Example, own number (Text message)" in words
        assert NUMBER[-4:] not in words
    assert "phone line" not in said("ywca.worker2", "/desk/on-call")
    assert "1 phone line of your agency does not answer" in said(
        "ywca.admin", "/desk/agency/settings"
    )


def test_the_coordinator_is_shown_how_many_and_no_name(silent: str) -> None:
    words = said("taskforce.coordinator", "/desk/uncovered")
    assert "1 line left two tests unanswered." in words
    assert "Demo Women's Centre" in words
    assert "Yve Example" not in words


def test_they_are_notified_once_by_another_line(
    silent: str, mails: MailServer, phones: PhoneProvider
) -> None:
    phones.received.clear()
    cover.step()
    send_messages()
    sent = [(to, template_of(str(mail.get_payload()).strip())) for to, mail in mails.received]
    assert sent == [(LEADS_MAIL, "silent_line")]
    assert phones.to(NUMBER) == []


def test_a_second_silent_line_on_a_day_makes_no_second_message(
    api: Any, phones: PhoneProvider, mails: MailServer, shift_clock: Any
) -> None:
    for number in range(3):
        keep(api, "ywca.worker", "sms", f"+1406555019{number}")
    keep(api, "ywca.lead", "mail", LEADS_MAIL)
    for week in range(2):
        pass_week(shift_clock, week)
    set_clock(shift_clock, monday(2))
    cover.step()
    send_messages()
    assert len(found()) == 3
    assert [to for to, _mail in mails.received] == [LEADS_MAIL]


def test_the_next_answer_ends_it(silent: str, phones: PhoneProvider, shift_clock: Any) -> None:
    pass_week(shift_clock, 2)
    tap(scene.links(phones, NUMBER)[-1])
    cover.step()
    # The week ended on Sunday evening, and the answer came too late for the test of that week.
    assert len(found()) == 1
    set_clock(shift_clock, monday(3) + 4 * DAY + 12 * HOUR)
    scene.send()
    tap(scene.links(phones, NUMBER)[-1])
    cover.step()
    assert found() == []
    assert m.SilentLine.objects.using("signin").get().ended_at is not None


def test_a_test_that_the_member_asks_for_ends_it(
    api: Any, silent: str, phones: PhoneProvider
) -> None:
    answer = at_the_desk("ywca.worker", csrf=False).http.post(
        "/desk/channels", {"what": "ring", "which": silent}
    )
    assert answer.status_code == 302
    assert "The last test is not answered." in said("ywca.worker", "/desk/channels")
    send_messages()
    tap(scene.links(phones, NUMBER)[-1])
    cover.step()
    assert found() == []
    assert "Last test answered" in said("ywca.worker", "/desk/channels")


def test_another_number_begins_anew(api: Any, silent: str) -> None:
    assert api("ywca.worker").delete(f"/v1/channels/{silent}").status_code == 204
    cover.step()
    assert found() == []
    again = keep(api, "ywca.worker", "sms", NUMBER)
    prove(again)
    cover.step()
    assert found() == [], "it is the same number, and was proven again"


def test_twice_at_the_same_moment_begins_one_silence(silent: str) -> None:
    (line,) = [one for one in silence_lines() if str(one.channel.channel_id) == silent]
    silence._begin(line, monday(2) + timedelta(minutes=1))  # the other worker, a moment later
    assert len(found()) == 1


def silence_lines() -> Any:
    from referrals.notifications.line_tests import lines

    return lines.lines()
