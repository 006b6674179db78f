"""The mailbox of copies: a mail with an unknown result is looked for there, and not sent twice.

Killed for real: tests/notifications/test_messages_killed.py, and again and again
tests/worker/test_workers_killed.py.
"""

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from referrals.notifications import transports
from tests.support.people.notifications import DUTY, keep, states, work
from tests.support.people.stories import Story
from tests.support.servers.message_servers import COPIES, CopiesServer, MailServer


@pytest.fixture
def mailbox(api: Any, mails: MailServer, copies: CopiesServer) -> MailServer:
    keep(api, "ywca.admin", "mail", DUTY["ywca"], use="duty")
    return mails


def lose_the_answer(mailbox: MailServer, where: str) -> None:
    """At its end the connection breaks: after the mail was taken, or before."""
    mailbox.pause = where
    mailbox.go_on.set()


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_mail_whose_answer_is_lost_comes_once(
    story: Story, api: Any, mailbox: MailServer, copies: CopiesServer, shift_clock: Any, where: str
) -> None:
    lose_the_answer(mailbox, where)
    story.send()
    work()
    assert states(api, "ywca.admin") == [("waiting", "SMTPServerDisconnected", 1)]
    shift_clock("30 seconds")  # the copy may be on its way yet
    work()
    assert copies.asked == []
    shift_clock("46 seconds")
    work()
    assert states(api, "ywca.admin") == [("sent", "handed_over", 2)]
    (mail,) = mailbox.of(DUTY["ywca"])
    assert copies.asked == [mail["Message-ID"]]


def test_the_copy_is_a_blind_one(story: Story, mailbox: MailServer, copies: CopiesServer) -> None:
    story.send()
    work()
    (mail,), (copy,) = mailbox.of(DUTY["ywca"]), mailbox.of(COPIES)
    assert mail.as_bytes() == copy.as_bytes()
    assert COPIES.encode() not in mail.as_bytes()
    assert copies.asked == []  # a first try asks nobody


def test_what_the_reader_was_refused_leaves_no_copy_that_would_be_taken_for_it(
    story: Story, api: Any, mailbox: MailServer, copies: CopiesServer, shift_clock: Any
) -> None:
    mailbox.refuse[DUTY["ywca"]] = 450
    story.send()
    work()
    assert states(api, "ywca.admin") == [("waiting", "refused", 1)]
    assert mailbox.received == []
    mailbox.refuse.clear()
    shift_clock("6 seconds")
    work()
    assert states(api, "ywca.admin") == [("sent", "handed_over", 2)]
    assert len(mailbox.of(DUTY["ywca"])) == 1


def test_a_mailbox_of_copies_that_is_full_keeps_no_mail_from_its_reader(
    story: Story, api: Any, mailbox: MailServer
) -> None:
    mailbox.refuse[COPIES] = 452
    story.send()
    work()
    assert states(api, "ywca.admin") == [("sent", "handed_over", 1)]
    assert len(mailbox.received) == 1


@pytest.mark.parametrize("fault", ["dumb", "password"])
def test_where_the_mailbox_does_not_answer_the_mail_is_sent_again(
    story: Story,
    api: Any,
    mailbox: MailServer,
    copies: CopiesServer,
    settings: Any,
    shift_clock: Any,
    fault: str,
) -> None:
    """Twice, as one message, rather than not at all."""
    copies.dumb = fault == "dumb"
    if fault == "password":
        settings.MAIL_COPIES = settings.MAIL_COPIES | {"password": "another"}
    lose_the_answer(mailbox, "after")
    story.send()
    work()
    shift_clock("46 seconds")
    work()
    assert states(api, "ywca.admin") == [("sent", "handed_over", 2)]
    first, second = mailbox.of(DUTY["ywca"])
    assert first["Message-ID"] == second["Message-ID"]


def test_a_relay_that_is_too_slow_is_left_before_another_worker_may_take_the_mail_up(
    story: Story, api: Any, mailbox: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transports, "MUST_BEGIN_S", 0)
    story.send()
    work()
    assert states(api, "ywca.admin") == [("waiting", "too_slow", 1)]
    assert mailbox.received == []


def test_the_operator_sees_whether_copies_arrive(
    story: Story, api: Any, mailbox: MailServer, copies: CopiesServer, shift_clock: Any
) -> None:
    def said() -> str:
        out = io.StringIO()
        call_command("messages", "status", stdout=out)
        return out.getvalue()

    story.send()
    mailbox.refuse[COPIES] = 452
    Story(api, story.service_id).send()
    work()
    assert "copies of the newest 0 mails: 0 have a copy" in said()
    shift_clock("61 seconds")
    assert "copies of the newest 2 mails: 0 have a copy" in said()
    mailbox.refuse.clear()
    Story(api, story.service_id).send()
    work()
    shift_clock("122 seconds")
    assert "copies of the newest 3 mails: 1 have a copy" in said()
    copies.dumb = True
    with pytest.raises(CommandError, match="the mailbox of copies does not answer"):
        said()
