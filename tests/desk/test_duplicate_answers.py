"""Answers to which services are the same: twice, two at once, in a circle, killed half-way; and
what an import does afterwards."""

from typing import Any

from directory import models as m
from directory.duplicates import answers
from directory.importing.parsing import id_of
from directory.listings import bind_organization
from referrals import worker
from tests.desk.duplicate_pages import (
    APPLIES,
    COORDINATOR,
    FINDS,
    SOURCES,
    detail,
    hide,
    keeps,
    listed,
    pair,
    said,
    service,
    tables,
    work,
)
from tests.desk.duplicate_pages import sources as sources  # a fixture
from tests.support.ground.races import race as race  # a fixture
from tests.support.ground.waiting import SOON
from tests.support.people.callers import agency_id
from tests.support.people.desk_pages import Pages, at_the_desk, text_of
from tests.support.people.hsds_source import take, write_tables

# -- Twice, at once, killed ------------------------------------------------------------------------


def test_the_same_answer_twice_is_one_and_another_from_an_old_page_is_none(sources):
    desk, there = at_the_desk(COORDINATOR, csrf=False), pair()
    for _each in range(2):
        answer = desk.http.post(f"/desk/duplicates/{there.id}/first", {"seen": "0"})
        assert answer.status_code == 302
    assert (pair().changes, pair().kept_id) == (1, there.first_id)
    for what in ("second", "different", "undo"):
        url = f"/desk/duplicates/{there.id}/{what}"
        answer = desk.http.post(url, {"seen": "0"}, follow=True)
        assert "Nothing was saved." in text_of(answer.content)
    assert (pair().changes, pair().answer) == (1, "same")


def test_of_two_different_answers_at_once_one_is_kept(sources, race):
    desks = [at_the_desk(COORDINATOR, csrf=False) for _each in range(2)]
    there = pair()

    def press(desk: Pages, what: str) -> Any:
        url = f"/desk/duplicates/{there.id}/{what}"
        return desk.http.post(url, {"seen": "0"}, follow=True)

    with race.held("SELECT FROM directory_duplicate WHERE id = %s FOR UPDATE", [there.id]):
        both = [
            race.start_and_wait(lambda desk=desk, what=what: press(desk, what))
            for desk, what in zip(desks, ("first", "second"), strict=True)
        ]
    texts = [text_of(one.result(SOON).content) for one in both]
    assert ["Saved." in one for one in texts] == [True, False]
    assert "Someone else answered this pair meanwhile" in texts[1]
    assert (pair().changes, pair().kept_id) == (1, there.first_id)


def test_no_answers_hide_services_behind_each_other_in_a_circle(api, sources):
    """Three sources would give three pairs: here the third is made by hand."""
    desk = at_the_desk(COORDINATOR, csrf=False)
    one, two, three = sorted([service("test"), service("state"), service("test", 1)])
    kept = m.Duplicate.objects.using("jobs")
    kept.all().delete()
    made = [
        kept.create(first_id=first, second_id=second, score=0.5, reasons=["same_phone"])
        for first, second in ((one, two), (two, three), (one, three))
    ]

    def press(number: int, what: str) -> str:
        url = f"/desk/duplicates/{made[number].id}/{what}"
        return text_of(desk.http.post(url, {"seen": "0"}, follow=True).content)

    assert "Saved." in press(0, "first"), "two is hidden behind one"
    assert "Nothing was saved." in press(1, "first"), "two cannot be shown"
    assert "Nothing was saved." in press(1, "second"), "nor hidden again"
    assert "Saved." in press(2, "second"), "one is hidden behind three"
    work(APPLIES)
    applied = kept.filter(hidden_id__isnull=False).values_list("hidden_id", "shown_id")
    assert set(applied) == {(two, one), (one, three)}
    names = {service(*key): key for key in (("test", 0), ("state", 0), ("test", 1))}
    assert listed(api) & set(names.values()) == {names[three]}
    kept.update(answer="", kept_id=None, due=True)
    work(APPLIES)


def test_what_is_killed_half_way_is_done_by_the_next_step(api, sources, race):
    said(at_the_desk(COORDINATOR), keeps("test"))
    with race.held("LOCK TABLE directory_listing IN ACCESS EXCLUSIVE MODE"):
        killed = race.start_and_wait(lambda: worker.run_until_idle(worker.jobs_named([APPLIES])))
        assert not answers.step(), "of two at once, one does nothing"
        race.one(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"
        )
        assert killed.result(SOON) == [APPLIES]
    assert (pair().due, pair().hidden_id) == (True, None)
    assert detail(api, "state")["status"] == "active"
    work(APPLIES)
    assert (pair().due, pair().hidden_id) == (False, service("state"))
    assert detail(api, "state")["status"] == "inactive"


def test_an_answer_given_while_one_is_applied_is_applied_next(api, sources, race):
    pages = at_the_desk(COORDINATOR)
    said(pages, keeps("test"))
    with race.held("SELECT FROM directory_service WHERE id = %s FOR UPDATE", [service("test")]):
        first = race.start_and_wait(answers.step)
        said(pages, "undo", show="?show=same")
    assert first.result(SOON)
    assert pair().due
    work(APPLIES)
    assert (pair().due, pair().hidden_id) == (False, None)
    assert detail(api, "state")["status"] == "active"


# -- What others do afterwards ---------------------------------------------------------------------


def test_no_import_brings_it_back_and_what_it_changes_is_shown(api, sources, tmp_path):
    hide("state")
    other = tables(other=True)
    other["services"][0]["description"] = "It moved next door."
    for _twice in range(2):
        take(write_tables(tmp_path / "state", other), "state")
        work(FINDS, APPLIES)
        hidden = detail(api, "state")
        assert (hidden["status"], hidden["description"]) == ("inactive", "It moved next door.")
        assert ("state", 0) not in listed(api)
    row = m.Service.objects.using("jobs").get(id=service("state"))
    assert row.status == "active", "the source's own word is kept"


def test_once_the_listed_one_closes_the_other_is_listed_until_it_opens(api, sources, tmp_path):
    hide("state")
    left = tables()
    left["services"] = left["services"][1:]
    for given, shown in ((left, ("state", 0)), (tables(), ("test", 0))):
        take(write_tables(tmp_path / "test", given), "test", allow_closing=True)
        found = {one for one in listed(api) if one[1] == 0}
        assert found == {shown}
        hidden = next(one for one in SOURCES if one != shown[0])
        assert detail(api, hidden)["status"] == "inactive"
    assert detail(api, "state")["replaced_by"] == str(service("test"))


def test_one_that_closed_itself_says_only_that(api, sources, tmp_path):
    hide("state")
    other = tables(other=True)
    other["services"][0]["status"] = "defunct"
    take(write_tables(tmp_path / "state", other), "state")
    assert detail(api, "state")["status"] == "defunct"
    assert "replaced_by" not in detail(api, "state")


def test_one_that_an_agency_answers_later_is_listed_again(api, sources):
    hide("state")
    organization = id_of("state", "organization", "0")
    bind_organization(organization, agency_id("ywca"))
    assert ("state", 0) in listed(api)
    assert "replaced_by" not in detail(api, "state")
    bind_organization(organization, None)
    assert ("state", 0) not in listed(api)


def test_the_change_feed_tells_a_copy_of_each_answer(api, sources):
    feed = "/v1/directory/changes"
    first = api(None).get(feed, {"limit": "500"}).json()
    while first["items"]:
        first = api(None).get(feed, {"limit": "500", "after": first["next"]}).json()
    hide("state")
    told = api(None).get(feed, {"limit": "500", "after": first["next"]}).json()
    lines = {(one["kind"], one["id"], one["action"]) for one in told["items"]}
    assert ("service", str(service("state")), "updated") in lines
    assert str(service("test")) not in {one["id"] for one in told["items"]}
