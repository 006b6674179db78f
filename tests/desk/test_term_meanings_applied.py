"""Answers to what terms mean: the same twice, two at once, and entries updated in portions."""

from typing import Any

from directory.taxonomy import term_meanings
from referrals import worker
from tests.desk.term_pages import (
    COORDINATOR,
    MANY,
    MEANS,
    SHELTER,
    found,
    said,
    stored,
    tables,
    term,
    work,
)
from tests.desk.term_pages import county as county  # a fixture
from tests.support.ground.races import race as race  # a fixture
from tests.support.ground.stale_projections import stale
from tests.support.ground.waiting import SOON
from tests.support.people.desk_pages import Pages, at_the_desk, text_of
from tests.support.people.hsds_source import forget, take, write_tables


def test_the_same_answer_twice_is_one_and_another_from_an_old_page_is_none(county):
    desks = [at_the_desk(COORDINATOR, csrf=False) for _each in range(2)]
    for desk in desks:
        answer = desk.http.post(f"/desk/terms/{term(0)}/yes", {"seen": "0", "means": SHELTER})
        assert answer.status_code == 302
    assert (stored(0).changes, stored(0).chosen) == (1, [SHELTER])
    for what in ("no", "undo"):
        answer = desks[1].http.post(f"/desk/terms/{term(0)}/{what}", {"seen": "0"}, follow=True)
        assert "Nothing was changed." in text_of(answer.content)
    assert (stored(0).changes, stored(0).answer) == (1, "yes")


def test_of_two_different_answers_at_once_one_is_kept(county, race):
    desks = [at_the_desk(COORDINATOR, csrf=False) for _each in range(2)]

    def press(desk: Pages, what: str) -> Any:
        body = {"seen": "0", "means": SHELTER}
        return desk.http.post(f"/desk/terms/{term(0)}/{what}", body, follow=True)

    with race.held("SELECT FROM directory_term_meaning WHERE id = %s FOR UPDATE", [term(0)]):
        both = [
            race.start_and_wait(lambda desk=desk, what=what: press(desk, what))
            for desk, what in zip(desks, ("yes", "no"), strict=True)
        ]
    texts = [text_of(one.result(SOON).content) for one in both]
    assert ["Saved." in one for one in texts] == [True, False]
    assert "Someone else answered this term meanwhile." in texts[1]
    assert (stored(0).changes, stored(0).answer) == (1, "yes")


def test_entries_are_updated_in_portions_and_a_new_answer_begins_again(network, tmp_path):
    take(write_tables(tmp_path / "county", tables(MANY)))
    try:
        work("term-drafts")
        pages = at_the_desk(COORDINATOR)
        said(pages, 0, "yes")
        assert term_meanings.store_step(), "a portion, then more"
        row = stored(0)
        assert (row.due, row.rendered_to is None) == (True, False)
        done = [n for n in range(1, MANY + 1) if found(organization=f"{n}")]
        assert len(done) == term_meanings.RENDERED_AT_ONCE
        said(pages, 0, "undo", "?show=yes")  # while it is under way
        assert stored(0).rendered_to is None
        work("term-meanings")
        assert not [n for n in range(1, MANY + 1) if found(organization=f"{n}")]
        assert not stale()
        said(pages, 0, "yes")
        work("term-meanings")
        assert all(found(organization=f"{n}") for n in range(1, MANY + 1))
        assert (stored(0).due, stale()) == (False, {})
    finally:
        forget()


def test_what_is_killed_half_way_is_done_by_the_next_step(county, race):
    said(at_the_desk(COORDINATOR), 0, "yes")
    with race.held("LOCK TABLE directory_listing IN ACCESS EXCLUSIVE MODE"):
        killed = race.start_and_wait(lambda: worker.run_until_idle(worker.jobs_named(MEANS)))
        assert not term_meanings.store_step(), "of two at once, one does nothing"
        race.one(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"
        )
        assert killed.result(SOON) == MEANS
    assert (stored(0).due, found()) == (True, [])
    work(*MEANS)
    assert (stored(0).due, found()) == (False, ["Talking", "Walking"])
