"""A barred person finds no trace of the referral elsewhere: in another that names it, or at a
number that they share. Once they are let in again, nothing says that they were kept out (R12)."""

from typing import Any

import pytest

from referrals.notifications import triggers
from tests.support.people.callers import member_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.notifications import DUTY, PEOPLE, keep, notified, off_duty, work
from tests.support.people.stories import NOTICE, Story, notes, seen, service_of, to, two
from tests.support.servers.message_servers import MailServer, PhoneProvider

# -- In another referral that names it -------------------------------------------------------------


def test_one_that_bars_her_is_named_by_none_that_took_its_place(story: Story, api: Any) -> None:
    story.send()
    body = NOTICE | {"service_id": service_of("sarc"), "replaces": story.id}
    made = api("police.worker").post("/v1/referrals", body).json()["id"]
    Story(api, service_of("sarc"), id=made).sends("assign", to("police.worker2"))
    assert seen(api, "police.worker2", made)["replaces_id"] == story.id
    story.sends("block", to("police.worker2"))
    assert seen(api, "police.worker2", made)["replaces_id"] is None
    page = at_the_desk("police.worker2").get(f"/desk/referrals/{made}").content.decode()
    assert story.id not in page
    assert "Replaces" not in text_of(page)
    assert seen(api, "police.worker", made)["replaces_id"] == story.id


def test_whom_she_kept_out_is_kept_out_of_what_takes_its_place(story: Story, api: Any) -> None:
    story.create().sends("block", to("police.worker2")).sends("leads_only").send()
    body = NOTICE | {"service_id": service_of("sarc"), "replaces": story.id}
    made = api("police.worker").post("/v1/referrals", body).json()
    assert [(one["kind"], one["member"]["id"]) for one in made["blocks"]] == [
        ("member", str(member_id("police.worker2")))
    ]
    himself = api("police.worker2")
    assert himself.get(f"/v1/referrals/{made['id']}").status_code == 404
    assert himself.get("/v1/referrals").json()["items"] == []
    assert "block" in told_of(api, "police.worker", made["id"])
    assert himself.act(made["id"], "send", {"agreement": "agrees"}).status_code == 404
    tried = api("police.worker").get("/v1/barred-attempts").json()["items"]
    assert {one["referral_id"] for one in tried} == {made["id"]}
    # Another of the same agency's services: what she said of that agency goes with her.
    again = api("police.worker").post("/v1/referrals", body | {"service_id": story.service_id})
    kinds = {one["kind"] for one in again.json()["blocks"]}
    assert kinds == {"member", "leads_only"}


def test_a_note_that_two_are_one_person_is_none_to_whom_the_other_bars(
    story: Story, api: Any
) -> None:
    first, second = two(api, story.service_id)
    for one in (first, second):
        one.answers("open_packet", {"purpose": "intake"})
    first.answers("same_person_as", {"referral_id": second.id}).answers("add_note", {"text": "x"})
    first.answers("assign", to("ywca.worker2"))
    second.answers("block", to("ywca.worker2"))
    assert notes(api, "ywca.worker2", first, "same_person_as") == []
    assert notes(api, "ywca.worker2", first, "note") == [{"text": "x"}]
    desk = at_the_desk("ywca.worker2")
    path = f"/desk/referrals/{first.id}/open_notes"
    assert second.id not in desk.submit(path, {"purpose": "review"}).content.decode()
    assert notes(api, "ywca.worker", first, "same_person_as") == [{"referral_id": second.id}]


# -- Once she is let in again ----------------------------------------------------------------------


def told_of(api: Any, who: str, referral_id: str) -> list[str]:
    """What her history and her feed say of who was kept out."""
    caller = api(who)
    steps = caller.get(f"/v1/referrals/{referral_id}/history").json()["items"]
    fed = caller.get("/v1/events").json()["items"]
    acts = [one["act"] for one in (*steps, *fed)]
    page = text_of(at_the_desk(who).get(f"/desk/referrals/{referral_id}/history").content)
    tried = caller.get("/v1/barred-attempts").json()["items"]
    words = [word for word in ("Kept", "leads only") if word in page]
    return [act for act in acts if act.endswith(("block", "leads_only"))] + words + tried


def test_who_is_let_in_again_is_not_told_that_she_was_kept_out(story: Story, api: Any) -> None:
    story.accept().answers("block", to("ywca.lead"))
    assert api("ywca.lead").get(f"/v1/referrals/{story.id}").status_code == 404
    story.answers("unblock", to("ywca.lead"))
    assert api("ywca.lead").get(f"/v1/referrals/{story.id}").status_code == 200
    assert told_of(api, "ywca.lead", story.id) == []
    assert "block" in told_of(api, "ywca.worker", story.id)


def test_nor_is_a_worker_when_it_is_for_leads_only_no_more(story: Story, api: Any) -> None:
    story.recipient = "ywca.lead"
    story.accept().answers("leads_only").answers("end_leads_only")
    story.answers("assign", to("ywca.worker"))
    assert told_of(api, "ywca.worker", story.id) == []
    assert "leads_only" in told_of(api, "ywca.lead", story.id)
    # What the sender marks bars none of its own.
    story.sends("leads_only").sends("end_leads_only")
    assert "leads_only" in told_of(api, "police.worker", story.id)


# -- At a number that she shares -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sms", "voice"])
def test_whom_it_bars_is_not_called_at_a_colleagues_number_that_is_hers_too(
    story: Story,
    api: Any,
    mails: MailServer,
    phones: PhoneProvider,
    reachable: None,
    kind: str,
) -> None:
    """The office's phone: a lead keeps it as her own, and so does whom it bars."""
    keep(api, "ywca.worker2", kind, PEOPLE["ywca.lead"])
    off_duty(api, "ywca.lead", duty="on_call")
    story.create().sends("leads_only").send()
    work()
    assert notified(phones, mails) == set()
    story.sends("end_leads_only")
    story.answers("acknowledge").answers("block", to("ywca.worker2"))
    work()
    notified(phones, mails)
    off_duty(api, "ywca.worker")
    story.sends("call_me")
    work()
    assert "ywca.lead" not in {who for who, _ in notified(phones, mails)}


def test_a_message_that_waits_is_not_sent_where_she_listens(
    story: Story, api: Any, mails: MailServer, phones: PhoneProvider, reachable: None
) -> None:
    """The desk's mailbox, which a worker keeps as her own, in other letters."""
    keep(api, "ywca.worker", "mail", DUTY["ywca"].replace("duty", "Duty"))
    story.send().answers("acknowledge").sends("call_me")
    assert triggers.step() is False
    story.answers("block", to("ywca.worker2"))
    work()
    assert mails.received == []
    assert ("ywca.worker", "call_me") in notified(phones, mails)


def test_a_number_is_shared_across_the_two_agencies_too(
    story: Story, api: Any, mails: MailServer, phones: PhoneProvider, reachable: None
) -> None:
    keep(api, "police.worker2", "sms", PEOPLE["ywca.lead"])
    off_duty(api, "ywca.lead", duty="on_call")
    story.create().sends("block", to("police.worker2")).send()
    work()
    others = {("ywca.worker", "notice"), ("ywca.worker2", "notice")}  # she is on call, and left out
    assert notified(phones, mails) == {("ywca", "notice"), *others}


def test_no_one_silences_the_other_agency_by_keeping_its_lines(
    story: Story, api: Any, mails: MailServer, phones: PhoneProvider, reachable: None
) -> None:
    """An officer keeps the shelter's numbers, which anybody may know, among his own."""
    keep(api, "police.worker2", "mail", DUTY["ywca"])
    for who in ("ywca.worker", "ywca.lead"):
        keep(api, "police.worker2", "sms", PEOPLE[who])
    off_duty(api, "ywca.worker", duty="on_call")
    off_duty(api, "ywca.worker2")
    story.create().sends("block", to("police.worker2")).send()
    work()
    assert notified(phones, mails) == {("ywca", "notice"), ("ywca.worker2", "notice")}
