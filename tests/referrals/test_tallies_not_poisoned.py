"""Counts that any member, or any stranger, can add to are not made worth nothing, unseen."""

from typing import Any

import pytest

from directory.vocabulary import term_id
from referrals.acts import agreement
from tests.support.ground.http_client import HttpClient
from tests.support.ground.stored_rows import rows
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.directory_entries import LIST
from tests.support.people.stories import Story, says_no, service_of

TALLY = "SELECT sum(offered), sum(declined) FROM agreement_tally"
NEEDS = {"needs": str(term_id("needs", "emergency-shelter")), "language": "kl"}
UNMET = "SELECT coalesce(sum(count), 0) FROM directory_unmet_search"


def no(caller: Any) -> Any:
    return caller.post("/v1/agreement-tally", {})


def test_a_worker_who_says_no_a_hundred_times_counts_twelve_and_is_in_the_log(
    api: Any, superuser: Any, shift_clock: Any
) -> None:
    caller = api("police.worker")
    answers = [no(caller) for _ in range(100)]
    assert [one.status_code for one in answers] == [200] * 12 + [429] * 88
    assert answers[-1].json()["code"] == "too_often"
    assert 3500 < int(answers[-1]["Retry-After"]) <= 3600
    assert rows(superuser, TALLY) == [(12, 12)]
    entry = (
        "SELECT DISTINCT member_id, decision, rule, referral_id, directory_id, fields"
        " FROM access_entry WHERE act = 'agreement.decline' AND rule = 'too_often'"
        " AND client_id IS NULL"
    )
    ((member, *said),) = rows(superuser, entry)
    assert said == ["refused", "too_often", None, None, None]
    assert no(api("police.worker2")).status_code == 200, "a colleague goes on"
    shift_clock("1 hour")
    assert no(caller).status_code == 200
    assert member is not None


def test_a_system_counts_for_all_whom_it_names(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "OF_CLIENT", agreement.OF_CLIENT._replace(most=3))
    named = [api("police.client", acting=f"police.{one}") for one in ("worker", "worker2")]
    assert [no(one).status_code for one in (*named, *named)] == [200, 200, 200, 429]


def test_what_is_kept_of_a_no_names_no_member_and_ends_with_the_hour(
    api: Any, superuser: Any, shift_clock: Any
) -> None:
    from permissions.audit import counters

    no(api("police.worker"))
    ((counter, times),) = rows(superuser, "SELECT counter, times FROM recent_count")
    assert (len(bytes(counter)), times) == (32, 1)
    shift_clock("1 hour")
    counters.step()
    assert rows(superuser, "SELECT FROM recent_count") == []


def test_a_draft_goes_with_her_no_however_often(
    story: Story, api: Any, superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agreement, "OF_MEMBER", agreement.OF_MEMBER._replace(most=1))
    for _ in range(2):
        no(api("police.worker"))
    story.create()
    assert says_no(api, "police.worker", story.id).status_code == 200
    assert rows(superuser, "SELECT FROM referral") == []


def test_the_desk_gives_the_number_beyond_the_limit_too(
    superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agreement, "OF_MEMBER", agreement.OF_MEMBER._replace(most=1))
    desk = at_the_desk("police.worker")
    path = f"/desk/referrals/new?service={service_of('ywca')}"
    for _ in range(2):
        answer = desk.http.post("/desk/said_no", desk.hidden(path, "/desk/said_no"))
        assert "Then nothing is sent" in text_of(answer.content)
    assert rows(superuser, TALLY) == [(1, 1)]


def test_sixty_searches_of_one_stranger_are_one_unmet_need(
    superuser: Any, shift_clock: Any
) -> None:
    def search(address: str, **query: str) -> None:
        found = HttpClient(REMOTE_ADDR=address).get(LIST, NEEDS | query)
        assert found.json()["total_items"] == 0

    for number in range(60):
        search(f"198.51.100.{number}", postcode="59801" if number % 2 else "59802")
    assert rows(superuser, UNMET) == [(1,)]
    search("198.51.100.7", postcode="59901")
    assert rows(superuser, UNMET) == [(2,)], "another area"
    search("203.0.113.7")
    assert rows(superuser, UNMET) == [(3,)], "another network"
    shift_clock("1 hour")
    search("198.51.100.7", postcode="59801")
    assert rows(superuser, UNMET) == [(4,)]


def test_colleagues_behind_one_address_are_counted_one_by_one(api: Any, superuser: Any) -> None:
    for who in ("police.worker", "police.worker2", "police.worker"):
        assert api(who).get(LIST, NEEDS).json()["total_items"] == 0
    assert rows(superuser, UNMET) == [(2,)]
