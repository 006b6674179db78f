"""A referral that no one holds any more: its holder left, or was barred. It goes on, and is put
before those who may take it over until someone does. The sender, and people whom a block bars,
learn nothing of it."""

from typing import Any

import pytest

from tests.referrals.blocked_referrals import assert_it_does_not_exist
from tests.referrals.blocked_referrals import opened as opened  # a fixture
from tests.support.people.callers import member_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.left import roles_and_entries as roles_and_entries  # a fixture
from tests.support.people.left import set_active
from tests.support.people.notifications import keep, notified, off_duty, work
from tests.support.people.stories import Story, bar
from tests.support.proofs.sender_view import Sender
from tests.support.servers.message_servers import MailServer, PhoneProvider

WHY = {"reason": "nobody_assigned"}
ADMIN = "406-555-0184"


def unheld(api: Any, who: str) -> list[str]:
    items = api(who).get("/v1/referrals", {"unheld": "true"}).json()["items"]
    return [one["id"] for one in items]


def test_after_a_leads_block_of_who_accepted_it_the_others_are_asked_until_someone_takes_it(
    opened: Story,
    api: Any,
    mails: MailServer,
    phones: PhoneProvider,
    reachable: None,
    shift_clock: Any,
) -> None:
    off_duty(api, "ywca.worker2", duty="on_call")
    work()
    notified(phones, mails)
    bar(api, "ywca.lead", opened, "ywca.worker")
    asked = {("ywca.worker2", "take_over"), ("ywca.lead", "take_over")}
    work()
    assert notified(phones, mails) == asked
    work()
    assert notified(phones, mails) == set(), "not at once again"
    for hours in (5, 10):
        shift_clock(f"{hours} hours")
        work()
        assert asked <= notified(phones, mails), hours
    shift_clock("0")
    for who in ("ywca.worker2", "ywca.lead"):
        assert unheld(api, who) == [opened.id]
        page = text_of(at_the_desk(who).get("/desk/").content)
        assert page.index("Act now") < page.index("To be taken over:")
    assert_it_does_not_exist(api, "ywca.worker", opened)
    assert unheld(api, "ywca.worker") == unheld(api, "police.lead") == []
    worker = api("ywca.worker2")
    assert "take_over" in worker.get(f"/v1/referrals/{opened.id}").json()["acts"]
    assert worker.act(opened.id, "take_over").json()["code"] == "reason_missing"
    assert worker.act(opened.id, "take_over", WHY).status_code == 200
    assert worker.act(opened.id, "open_packet", {"purpose": "intake"}).status_code == 200
    assert unheld(api, "ywca.lead") == []
    work()
    assert ("ywca.lead", "review") in notified(phones, mails), "as of a self-assignment"
    shift_clock("15 hours")
    work()
    assert not {one for one in notified(phones, mails) if one[1] == "take_over"}


@pytest.mark.usefixtures("roles_and_entries")
def test_when_the_last_who_worked_on_it_leaves_it_is_put_before_the_others(
    opened: Story, api: Any, mails: MailServer, phones: PhoneProvider, reachable: None
) -> None:
    work()
    notified(phones, mails)
    set_active("ywca.worker", "membership", False)
    work()
    asked = {("ywca", "take_over"), ("ywca.lead", "take_over")}
    assert notified(phones, mails) == asked, "as of a new one"
    assert unheld(api, "ywca.worker2") == [opened.id]
    page = text_of(at_the_desk("ywca.worker2").get(f"/desk/referrals/{opened.id}").content)
    assert "Take over this referral" in page


def test_when_the_senders_worker_is_barred_the_senders_others_are_asked(
    opened: Story, api: Any, mails: MailServer, phones: PhoneProvider, reachable: None
) -> None:
    work()
    notified(phones, mails)
    bar(api, "police.lead", opened, "police.worker")
    work()
    told = notified(phones, mails)
    assert told == {("police.worker2", "take_over"), ("police.lead", "take_over")}
    assert api("police.worker2").act(opened.id, "take_over", WHY).status_code == 200


def test_when_only_leads_may_know_of_it_the_worker_who_accepted_it_does_not_hold_it(
    opened: Story, api: Any, mails: MailServer, phones: PhoneProvider, reachable: None
) -> None:
    work()
    notified(phones, mails)
    opened.sends("leads_only")
    work()
    assert notified(phones, mails) == {("ywca.lead", "take_over")}
    assert unheld(api, "ywca.lead") == [opened.id]
    assert unheld(api, "ywca.worker2") == []


@pytest.mark.usefixtures("roles_and_entries")
def test_where_all_are_barred_the_administrator_learns_that_and_nothing_of_it(
    opened: Story,
    api: Any,
    mails: MailServer,
    phones: PhoneProvider,
    reachable: None,
    shift_clock: Any,
) -> None:
    keep(api, "ywca.admin", "sms", ADMIN)
    for whom in ("ywca.worker2", "ywca.worker"):
        bar(api, "ywca.lead", opened, whom)
    work()
    phones.received.clear()
    mails.received.clear()
    set_active("ywca.lead", "membership", False)
    shift_clock("5 hours")
    work()
    about = [form for _, form in phones.received if "Cairn's operator" not in form["Body"]]
    ((to, words),) = {(form["To"], form["Body"]) for form in about}  # but that a lead was ended
    assert to == "+1" + ADMIN.replace("-", "")
    assert "There is something for you to review." in words
    assert mails.received == []
    assert api("ywca.admin").get(f"/v1/referrals/{opened.id}").status_code == 404


def test_the_sender_does_not_learn_that_no_one_holds_it(
    opened: Story,
    api: Any,
    mails: MailServer,
    phones: PhoneProvider,
    reachable: None,
    shift_clock: Any,
) -> None:
    sender = Sender(api)
    work()
    notified(phones, mails)
    before = sender.view(opened.id)
    bar(api, "ywca.lead", opened, "ywca.worker")
    shift_clock("1 hour")
    work()
    shift_clock("0")
    assert not {who for who, _ in notified(phones, mails) if who.startswith("police")}
    assert sender.view(opened.id) == before
    assert api("ywca.worker2").act(opened.id, "take_over", WHY).status_code == 200
    work()
    assert sender.view(opened.id) == before


def test_a_worker_takes_over_nothing_that_someone_holds(opened: Story, api: Any) -> None:
    answer = api("ywca.worker2").act(opened.id, "take_over", WHY)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_assigned")
    bar(api, "ywca.lead", opened, "ywca.worker")
    assert api("ywca.worker2").act(opened.id, "take_over", WHY).status_code == 200
    shown = api("ywca.lead").get(f"/v1/referrals/{opened.id}").json()
    assert shown["holder"]["id"] == str(member_id("ywca.worker2"))
