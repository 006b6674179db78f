"""The inbox: what was received and what was sent, in groups by what there is to do."""

import re
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.test.utils import CaptureQueriesContext

from api.accounts import idle_lock
from api.desk.inbox import inbox
from referrals.queries import lists
from referrals.queries.list_filters import Filters
from tests.support.people.callers import member_id
from tests.support.people.desk_pages import Pages, at_the_desk, idle, text_of
from tests.support.people.stories import Story, service_of, to

IDS = re.compile(r'href="/desk/referrals/([0-9a-f-]{36})"')


@pytest.fixture
def advocate() -> Pages:
    return at_the_desk("ywca.worker")


@pytest.fixture
def officer() -> Pages:
    return at_the_desk("police.worker")


def groups(pages: Pages, query: str = "") -> dict[str, list[str]]:
    """The ids that the inbox shows, by the heading they are under."""
    page = pages.get(f"/desk/{query}").content.decode()
    parts = re.split(r'<h2 id="(now|waiting|progress|older)"', page)
    return {
        name: found
        for name, part in zip(parts[1::2], parts[2::2], strict=True)
        if (found := IDS.findall(part))
    }


def another(story: Story, **notice: Any) -> Story:
    return Story(story.api, story.service_id).create(**notice)


def test_the_nearest_deadline_is_on_top_and_says_when_it_is_late(
    story: Story, advocate: Pages, shift_clock: Any
) -> None:
    urgent = another(story, urgency="urgent").send()
    emergency = another(story, urgency="emergency").send()
    assert groups(advocate) == {"now": [emergency.id, urgent.id]}
    shown = text_of(advocate.get("/desk/").content)
    assert re.search("Act now 2 .* 1[0-4] min left .* 5[5-9] min left", shown)
    shift_clock("18 minutes")
    assert "3 min overdue" in text_of(advocate.get("/desk/").content)
    shift_clock("5 hours")
    assert "Nothing to act on now." in text_of(advocate.get("/desk/").content)
    assert "Expired" in text_of(advocate.get("/desk/?show=closed").content)


def test_each_referral_is_in_the_group_of_what_there_is_to_do(
    story: Story, advocate: Pages, officer: Pages, shift_clock: Any
) -> None:
    waits = story.send()
    review = another(story).send().answers("acknowledge")
    accepted = another(story).send().accept()
    declined = another(story).send().answers("decline", {"code": "other"})
    draft = another(story)
    stopped = another(story).send().sends("stop")
    assert groups(advocate) == {
        "now": [waits.id, review.id],
        "progress": [accepted.id],
    }
    assert groups(advocate, "?show=closed") == {"older": [stopped.id, declined.id]}
    assert groups(officer) == {
        "now": [declined.id],
        "waiting": [waits.id, review.id],
        "progress": [draft.id, accepted.id],
    }
    assert groups(officer, "?show=closed") == {"older": [stopped.id]}
    review.answers("call_me")
    accepted.sends("call_me")
    assert groups(officer)["now"] == [review.id, declined.id]
    assert "Please call them" in text_of(officer.get("/desk/").content)
    assert accepted.id in groups(advocate)["now"]
    shift_clock("3 hours")
    overdue = groups(officer)
    assert set(overdue["now"]) == {waits.id, review.id, declined.id}
    assert "waiting" not in overdue
    shift_clock("5 hours")
    assert accepted.id in groups(advocate)["now"], "its first contact is late"
    assert waits.id in groups(officer)["now"], "it has expired, and the survivor waits"


def test_what_was_declined_leaves_once_the_survivor_is_referred_on_or_a_day_has_gone(
    story: Story, officer: Pages, shift_clock: Any
) -> None:
    first = story.send().answers("decline", {"code": "other"})
    second = another(story).send().answers("decline", {"code": "other"})
    again = another(story, service_id=service_of("sarc"), replaces=first.id)
    assert groups(officer) == {"now": [second.id], "progress": [again.id]}
    assert first.id in groups(officer, "?show=closed")["older"]
    shift_clock("3 days")
    later = at_the_desk("police.worker")
    assert "now" not in groups(later)
    assert second.id in groups(later, "?show=closed")["older"]


def test_the_tabs_and_the_title_count_what_there_is_to_act_on(story: Story, api: Any) -> None:
    """The hospital receives one and has one declined; its title says a number and no more."""
    one = Story(api, service_of("hospital"), recipient="hospital.worker").send()
    two = Story(api, story.service_id, sender="hospital.worker").send()
    two.answers("decline", {"code": "other"})
    pages = at_the_desk("hospital.worker")
    page = pages.get("/desk/").content.decode()
    assert "<title>(2) Inbox · Cairn</title>" in page
    assert "All 2 to act on Received 1 to act on Sent 1 to act on" in text_of(page)
    assert groups(pages, "?box=in") == {"now": [one.id]}
    assert groups(pages, "?box=out") == {"now": [two.id]}
    assert "<title>(2) Inbox" in pages.get("/desk/?box=out").content.decode()
    assert "<title>Inbox" in at_the_desk("hospital.lead").get("/desk/?mine=on").content.decode()


def test_mine_is_first_and_every_row_says_who_holds_it(story: Story, advocate: Pages) -> None:
    theirs = another(story, urgency="emergency").send().accept()
    theirs.answers("hand_over", to("ywca.worker2"))
    mine = another(story, urgency="routine").send().accept()
    new = another(story, urgency="urgent", needs=["legal_aid"]).send()
    assert groups(advocate)["progress"] == [mine.id, theirs.id]
    shown = text_of(advocate.get("/desk/").content)
    assert re.search(r"Legal help Urgent · New .* left [A-Z]{6} from .* No one has it yet", shown)
    assert re.search(r"In progress 2 .* Yours .* · \w+ \w+", shown)
    assert groups(advocate, "?mine=on") == {"progress": [mine.id]}
    assert groups(advocate, "?urgency=emergency") == {"progress": [theirs.id]}
    assert groups(advocate, "?urgency=urgent&mine=") == {"now": [new.id]}
    assert groups(advocate, "?urgency=x&box=y&show=z").keys() == {"now", "progress"}


def test_what_is_over_is_shown_page_by_page(story: Story, advocate: Pages) -> None:
    made = set()
    for _ in range(27):
        made.add(another(story).send().answers("decline", {"code": "other"}).id)
    first = advocate.get("/desk/?show=closed").content.decode()
    later = re.search(r'href="(/desk/\?show=closed&amp;after=[^"]+)"', first)
    assert later
    address = later[1].replace("&amp;", "&")
    second = advocate.get(address).content.decode()
    assert set(IDS.findall(first)) | set(IDS.findall(second)) == made
    assert not set(IDS.findall(first)) & set(IDS.findall(second))
    assert at_the_desk("ywca.worker2").get(address).status_code == 400  # bound to its caller
    assert advocate.get(f"{address}&box=in").status_code == 400  # and to its list


def test_the_oldest_emergency_stays_on_top_however_many_came_after_it(
    story: Story, advocate: Pages, officer: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "ACTIVE_AT_ONCE", 2)
    emergency = another(story, urgency="emergency").send()
    second = another(story, urgency="urgent").send()
    assert "that are due first" not in text_of(advocate.get("/desk/").content)
    others = [another(story, urgency="routine").send().id for _ in range(2)]
    for pages, group in ((advocate, "now"), (officer, "waiting")):
        assert groups(pages) == {group: [emergency.id, second.id]}
        page = pages.get("/desk/").content.decode()
        assert "Showing the 2 that are due first" in text_of(page)
        assert set(others) < set(groups(pages, "?show=all")["older"])


def test_the_two_phases_are_all_that_a_side_is_shown(story: Story, api: Any) -> None:
    """Each referral is in one of them, for each side and at every state that a story reaches."""
    for act in ("send", "acknowledge", "accept", "complete", "decline", "withdraw", "stop"):
        made = another(story)
        if act != "send":
            made.send()
        match act:
            case "send":
                pass
            case "acknowledge" | "accept":
                made.answers(act)
            case "complete":
                made.accept().answers("start_handoff", {"mode": "phone"})
                made.answers(act, {"outcome": "served"})
            case "decline":
                made.answers(act, {"code": "other"})
            case _:
                made.sends(act, {"code": "help_found"} if act == "withdraw" else None)
    for who in ("police.worker", "ywca.worker"):
        found = [
            {
                one["id"]
                for one in api(who).get("/v1/referrals", {"limit": "100"} | more).json()["items"]
            }
            for more in ({}, {"phase": "active"}, {"phase": "over"})
        ]
        assert found[0] == found[1] | found[2]
        assert not found[1] & found[2]
        assert found[1]
        assert found[2]


# -- The cost --------------------------------------------------------------------------------------


def asked(pages: Pages) -> tuple[int, int]:
    """How many queries the inbox makes, but for those of the session, and its size in bytes."""
    with CaptureQueriesContext(connections["default"]) as captured:
        answer = pages.get("/desk/")
    queries = [one["sql"] for one in captured.captured_queries]
    return sum(one.strip("; ") != "BEGIN" for one in queries), len(answer.content)


def test_sixty_referrals_are_one_page_of_few_queries(story: Story, advocate: Pages) -> None:
    asked(advocate)  # what is looked up once a process
    for count in range(60):
        made = another(story, needs=["shelter", "advocacy", "legal_aid"]).send()
        if count % 3:
            made.accept()
        if count in (0, 59):
            queries, size = asked(advocate)
            assert queries <= 8
    assert sum(map(len, groups(advocate).values())) == 60
    assert size <= 60_000


# -- The list that keeps itself up to date ---------------------------------------------------------


def test_a_page_that_asks_by_itself_does_not_put_off_the_idle_lock(advocate: Pages) -> None:
    idle(advocate, settings.IDLE_LOCK_S - 60)
    before = advocate.http.session[idle_lock.SEEN]
    answer = advocate.http.get("/desk/", headers={"X-Background": "1"})
    assert answer.status_code == 200
    assert advocate.http.session[idle_lock.SEEN] == before
    advocate.get("/desk/")
    assert advocate.http.session[idle_lock.SEEN] > before


def test_a_filter_shows_no_more_than_the_list(story: Story, api: Any) -> None:
    """A member who is kept out finds the referral under no filter."""
    story.send().answers("acknowledge")
    story.answers("block", {"member_id": str(member_id("ywca.worker2"))})
    pages = at_the_desk("ywca.worker2")
    for query in ("", "?box=in", "?show=closed", "?show=all", "?mine=on", "?urgency=urgent"):
        assert groups(pages, query) == {}, query
    assert Filters() == lists.EVERYTHING
