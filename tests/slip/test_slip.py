"""A survivor ends or narrows their permission by their slip, and each side is shown what it may."""

import re
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction

from referrals.deadlines import removal
from referrals.notifications import triggers
from tests.slip.scene import WORD, Survivor, entries, give, opens
from tests.slip.scene import no_count_stays as no_count_stays  # a fixture
from tests.slip.scene import shared as shared  # a fixture
from tests.slip.scene import survivor as survivor  # a fixture
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.notifications import PEOPLE, keep
from tests.support.people.stories import PACKET, Story
from tests.support.proofs.sender_view import comparable


def test_a_survivor_ends_their_permission(survivor: Survivor, shared: Story) -> None:
    assert opens(shared) == PACKET
    assert survivor.gets_in()
    assert "What you permit" in survivor.sees()
    assert "The other agency may open this until" in survivor.sees()
    asked = survivor.http.get("/slip/open/end").content
    assert "nothing more can be opened" in text_of(asked)
    assert opens(shared) == PACKET, "the question alone ends nothing"
    assert survivor.ends()["Location"] == "/slip/open?said=ended"
    assert opens(shared) == "sealed"
    assert "Your permission has ended" in survivor.sees()
    assert survivor.ends().status_code == 302, "twice is safe"


def test_a_survivor_shares_less(survivor: Survivor, shared: Story) -> None:
    assert survivor.gets_in()
    assert survivor.shares_less("name")["Location"] == "/slip/open?said=less"
    left = {name: PACKET[name] for name in ("phone", "safe_contact")}
    assert opens(shared) == left
    assert "My name" not in text_of(re.search("<ul>.*?</ul>", survivor.page(), re.S)[0])  # type: ignore[index]
    assert opens(shared, "ywca.lead") != PACKET


def test_a_way_to_contact_them_stays_with_how_to_do_it_safely(
    survivor: Survivor, shared: Story
) -> None:
    assert survivor.gets_in()
    answer = survivor.shares_less("safe_contact")
    assert answer.status_code == 409
    assert "how to contact you safely" in text_of(answer.content)
    assert opens(shared) == PACKET
    assert survivor.shares_less("safe_contact", "phone").status_code == 302
    assert opens(shared) == {"name": PACKET["name"]}


def test_to_stop_all_of_it_is_to_end_it(survivor: Survivor, shared: Story) -> None:
    assert survivor.gets_in()
    assert survivor.shares_less(*PACKET)["Location"] == "/slip/open/end"
    assert opens(shared) == PACKET


def test_nothing_of_it_comes_back(survivor: Survivor, shared: Story) -> None:
    """Once narrowed, the keys of the rest are gone: what the sender writes again is as narrow."""
    assert survivor.gets_in()
    survivor.shares_less("name")
    shared.packet(**PACKET)
    assert set(opens(shared)) == {"phone", "safe_contact"}
    survivor.ends()
    shared.release("name").packet(**PACKET)
    assert opens(shared) == {"name": PACKET["name"]}, "the survivor may permit it again"
    assert "The other agency may open this until" in survivor.sees()


@pytest.mark.parametrize("less", [False, True])
def test_what_one_survivor_takes_back_is_no_one_elses(
    story: Story, api: Any, superuser: Any, less: bool
) -> None:
    """Three have a slip, and one after the other ends or narrows their permission: whichever row
    comes first, two of them are not it."""
    three = [
        Story(api, story.service_id).accept().release(*PACKET).packet(**PACKET) for _ in range(3)
    ]
    codes = [give(one) for one in three]
    left = "sealed" if not less else {k: PACKET[k] for k in PACKET if k != "name"}
    for mine, code in zip(three, codes, strict=True):
        others = [one for one in three if one is not mine]
        before = [whole(superuser, one) for one in others]
        survivor = Survivor(code)
        assert survivor.gets_in()
        taken = survivor.shares_less("name") if less else survivor.ends()
        assert taken.status_code == 302
        assert [whole(superuser, one) for one in others] == before
        assert opens(mine) == left
    assert [opens(one) for one in three] == [left] * 3


def whole(superuser: Any, story: Story) -> list[Any]:
    """Every row of a referral that an end or a narrowing changes."""
    tables = {"referral": "id"} | dict.fromkeys(
        ("release", "packet_grant", "bound_access", "referral_event"), "referral_id"
    )
    return [
        rows(superuser, f"SELECT t::text FROM {table} t WHERE {of} = %s ORDER BY 1", [story.id])
        for table, of in tables.items()
    ]


@pytest.mark.parametrize("accepted", [True, False])
def test_the_sender_is_shown_what_it_is_shown_when_the_recipient_records_it(
    story: Story, api: Any, accepted: bool
) -> None:
    shown = []
    for by_survivor in (True, False):
        one = Story(api, story.service_id).send()
        one.answers("acknowledge")
        if accepted:
            one.accept()
        one.release(*PACKET).packet(**PACKET)
        phone = Survivor(give(one))
        if by_survivor:
            assert phone.gets_in()
            assert phone.ends().status_code == 302
        else:
            one.answers("revoke_release", {"via": "oral"})
        sender = api("police.worker")
        paths = (f"/v1/referrals/{one.id}", f"/v1/referrals/{one.id}/history")
        shown.append([comparable(sender.get(path)) for path in paths])
        assert sender.get(paths[0]).json()["release_ended"] is True
    assert shown[0] == shown[1]


def test_the_senders_log_and_report_do_not_say_it(
    survivor: Survivor, shared: Story, superuser: Any
) -> None:
    police = [str(agency_id("police"))]
    count = "SELECT count(*) FROM access_entry WHERE agency_id = %s"
    before = rows(superuser, count, police)
    assert survivor.gets_in()
    survivor.page()
    survivor.shares_less("name")
    survivor.ends()
    assert rows(superuser, count, police) == before


def test_the_recipients_holder_is_asked_to_call(
    survivor: Survivor, shared: Story, superuser: Any, api: Any
) -> None:
    keep(api, "ywca.worker", "sms", PEOPLE["ywca.worker"])
    keep(api, "police.worker", "sms", PEOPLE["police.worker"])
    while triggers.step():
        pass
    messages = "SELECT agency_id::text, template FROM message WHERE referral_id = %s"
    before = {*rows(superuser, messages, [shared.id])}
    assert survivor.gets_in()
    survivor.ends()
    while triggers.step():
        pass
    # One that waited says it from now on; else there is a new one.
    assert {*rows(superuser, messages, [shared.id])} - before == {
        (str(agency_id("ywca")), "call_me")
    }
    page = text_of(at_the_desk("ywca.worker").get(f"/desk/referrals/{shared.id}").content)
    assert "The survivor ended their permission themselves. Please call" in page
    history = text_of(
        at_the_desk("ywca.worker").get(f"/desk/referrals/{shared.id}/history").content
    )
    assert "The survivor ended their permission. Call the referring worker" in history
    senders = text_of(at_the_desk("police.worker").get(f"/desk/referrals/{shared.id}").content)
    assert "ended their permission themselves" not in senders


def test_the_page_shows_disclosures_and_never_what_the_other_agency_did(
    survivor: Survivor, shared: Story, api: Any
) -> None:
    assert survivor.gets_in()
    before = survivor.page()
    assert "it could open: My name, My phone, " in text_of(before)
    opens(shared)
    shared.answers("start_handoff", {"mode": "phone"})
    assert _without_tokens(survivor.page()) == _without_tokens(before)
    for value in PACKET.values():
        assert value not in before
    assert WORD not in before


def test_names_are_covered_until_they_are_touched(survivor: Survivor) -> None:
    assert survivor.gets_in()
    page = survivor.page()
    covered = re.search(r'<details class="more"><summary>.*?</details>', page, re.S)
    assert covered
    for name in ("Demo Police", "Demo Women"):
        assert name in covered[0] or name not in page
        assert name not in page.replace(covered[0], "")


def test_what_was_taken_back_before_the_accept_was_never_given(story: Story, api: Any) -> None:
    story.send().release(*PACKET).packet(**PACKET)
    survivor = Survivor(give(story))
    assert survivor.gets_in()
    assert "Once the other agency takes it on" in survivor.sees()
    survivor.shares_less("name")
    story.answers("accept")
    assert set(opens(story)) == {"phone", "safe_contact"}
    assert "it could open: My name" not in survivor.sees()
    report = (
        api("police.worker").act(story.id, "account_disclosures", {"purpose": "service"}).json()
    )
    assert [set(one["fields"]) for one in report["given"]] == [{"phone", "safe_contact"}]


def test_a_permission_that_ended_before_the_accept_gave_nothing(story: Story, api: Any) -> None:
    story.send().release(*PACKET).packet(**PACKET)
    survivor = Survivor(give(story))
    assert survivor.gets_in()
    survivor.ends()
    story.answers("accept")
    assert opens(story) == "sealed"
    assert "it could open" not in survivor.sees()


def test_the_agency_ends_the_slip(survivor: Survivor, shared: Story) -> None:
    assert survivor.gets_in()
    other = Survivor(survivor.code)
    path = f"/desk/referrals/{shared.id}/slip"
    answer = at_the_desk("police.lead").submit(path, {"end": "1"})
    assert "Its code opens nothing" in text_of(answer.content)
    assert not other.gets_in()
    assert survivor.http.get("/slip/open")["Location"] == "/slip?said=over"
    assert opens(shared) == PACKET, "the permission goes on"


def test_a_new_slip_ends_the_one_before_it(survivor: Survivor, shared: Story) -> None:
    assert survivor.gets_in()
    newer = Survivor(give(shared, word="another word"), "another word")
    assert survivor.http.get("/slip/open")["Location"] == "/slip?said=over"
    assert not Survivor(survivor.code).gets_in()
    assert newer.gets_in()


@pytest.mark.parametrize("act", ["withdraw", "stop", "mark_error"])
def test_a_slip_ends_with_its_referral(survivor: Survivor, shared: Story, act: str) -> None:
    code = {"withdraw": {"code": "no_longer_wanted"}, "mark_error": {"code": "wrong_recipient"}}
    assert survivor.gets_in()
    shared.sends(act, code.get(act))
    assert not Survivor(survivor.code).gets_in()
    assert survivor.http.get("/slip/open")["Location"] == "/slip?said=over"


def test_what_the_recipient_does_ends_no_slip(survivor: Survivor, shared: Story) -> None:
    shared.answers("complete", {"outcome": "served"})
    assert survivor.gets_in()
    assert survivor.ends().status_code == 302


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("police.worker", 200),
        ("police.lead", 200),
        ("police.worker2", 403),
        ("ywca.worker", 403),
        ("ywca.lead", 403),
        ("outsider.worker", 404),
        ("police.admin", 404),
    ],
)
def test_who_is_shown_that_there_is_a_slip(
    survivor: Survivor, shared: Story, who: str, status: int
) -> None:
    answer = at_the_desk(who).get(f"/desk/referrals/{shared.id}/slip")
    assert answer.status_code == status
    assert "Make the slip" in text_of(answer.content) or who != "police.worker"
    if who == "police.lead":
        assert "Make the slip" not in text_of(answer.content)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"word": WORD, "again": WORD}, "asked"),
        ({"asked": "on", "word": WORD, "again": WORD + "s"}, "twice"),
        ({"asked": "on", "word": "short", "again": "short"}, "word"),
        ({"asked": "on", "word": "aaaaaaaa", "again": "aaaaaaaa"}, "word"),
        (
            {"asked": "on", "word": "x" * 20 + "abcdef" * 9, "again": "x" * 20 + "abcdef" * 9},
            "word",
        ),
    ],
)
def test_a_slip_that_cannot_be_given_leaves_nothing(
    shared: Story, superuser: Any, body: dict[str, str], why: str
) -> None:
    desk = at_the_desk("police.worker")
    path = f"/desk/referrals/{shared.id}/slip"
    answer = desk.submit(path, body, follow=False)
    assert answer["Location"] == f"{path}?why={why}"
    page = desk.get(answer["Location"]).content.decode()
    assert 'role="alert"' in page
    assert body["word"] not in page, "it is never filled in again"
    assert rows(superuser, "SELECT count(*) FROM survivor_slip") == [(0,)]


def test_no_slip_for_a_draft(story: Story) -> None:
    story.create()
    body = {"asked": "on", "word": WORD, "again": WORD}
    desk = at_the_desk("police.worker", csrf=False)
    answer = desk.http.post(f"/desk/referrals/{story.id}/slip", body)
    assert answer.status_code == 409


def test_small_letters_and_spaces_do_not_matter(survivor: Survivor) -> None:
    phone = Survivor(survivor.code.lower().replace("-", " "), WORD.upper().replace(" ", "  "))
    assert phone.gets_in()


def test_a_visit_is_over_after_ten_minutes(survivor: Survivor, shift_clock: Any) -> None:
    assert survivor.gets_in()
    shift_clock("11 minutes")
    assert survivor.http.get("/slip/open")["Location"] == "/slip?said=over"


def test_a_purge_of_the_senders_part_takes_the_slip(
    survivor: Survivor, shared: Story, superuser: Any
) -> None:

    with transaction.atomic(using="jobs"):
        removal.REMOVALS["sent"](shared.id, agency_id("police"))  # type: ignore[arg-type]
    assert not survivor.gets_in()
    assert not rows(superuser, "SELECT FROM survivor_slip WHERE referral_id = %s", [shared.id])


def test_it_holds_when_the_binding_key_is_replaced(survivor: Survivor) -> None:
    call_command("keys", "rebind")
    assert survivor.gets_in()


def test_the_entries_of_a_visit_name_no_one(survivor: Survivor, superuser: Any) -> None:
    before = entries(superuser, "slip.visit")
    assert survivor.gets_in()
    survivor.page()
    nobody = ("allowed", None, None, None, None, None, None)
    assert entries(superuser, "slip.visit")[len(before) :] == [nobody]


def test_the_recipients_auditor_finds_the_end_without_an_address(
    survivor: Survivor, shared: Story, superuser: Any, api: Any
) -> None:
    assert survivor.gets_in()
    survivor.ends()
    (entry,) = [one for one in entries(superuser, "slip.end") if str(one[4]) == shared.id]
    assert [str(one) for one in entry[:5]] == [
        *("allowed", "None", str(agency_id("ywca")), "None", shared.id)
    ]
    assert entry[5:] == (None, None)
    for auditor, found in (("ywca.auditor", 1), ("police.auditor", 0)):
        log = api(auditor).get("/v1/access-log", {"act": "slip.end"}).json()["items"]
        assert len([one for one in log if one["referral_id"] == shared.id]) == found


def _without_tokens(page: str) -> str:
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", page)
