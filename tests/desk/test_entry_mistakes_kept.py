"""How many mistakes can be reported in the directory, two at once, and how long each is kept."""

import re
from typing import Any

import pytest

from directory.editing import mistake_reports
from permissions.models import AccessEntry
from referrals import worker
from tests.desk.directory_pages import entry as entry  # a fixture
from tests.desk.directory_pages import nothing_left as nothing_left  # a fixture
from tests.desk.mistake_pages import BY_NO_ONE, CRISIS, WORDS, say, stored
from tests.support.ground.database import forget_edits
from tests.support.ground.races import race as race  # a fixture
from tests.support.ground.waiting import SOON
from tests.support.people.desk_pages import Pages, at_the_desk, rows, text_of

# -- Brakes ----------------------------------------------------------------------------------------


def test_a_reader_says_five_things_an_hour(superuser, shift_clock):
    pages = Pages()
    for number in range(mistake_reports.OF_CALLER.most):
        assert say(pages, CRISIS, "other", f"Number {number}").status_code == 200
    answer = say(pages, CRISIS, "other", "One more")
    assert answer.status_code == 429
    assert 3500 < int(answer["Retry-After"]) <= 3601
    shown = text_of(answer.content)
    assert "What you wrote was not kept. Write it again after" in shown
    assert re.search(r"after (\w{3}, \w{3} \d+, )?\d+:\d\d\W[ap]\.m\. M[SD]T", shown)
    assert "One more" not in answer.content.decode()
    ((where, _status),) = answer.redirect_chain
    assert re.fullmatch(rf"/directory/{CRISIS}/mistake\?until=\d{{10}}", where)
    assert len(stored(superuser)) == 5
    shift_clock("61 minutes")
    assert "Report it" in text_of(pages.get(where).content), "the page knows that it is over"
    assert say(pages, CRISIS, "other", "One more").status_code == 200
    assert len(stored(superuser)) == 6


def test_a_service_has_ten_a_day_from_everyone_together(superuser, shift_clock):
    senders = [at_the_desk(who) for who in ("police.worker", "ywca.worker", "outsider.worker")]
    before = rows(superuser, AccessEntry)
    answers = [
        say(pages, CRISIS, "other", f"{number} of {at}", "/desk/directory")
        for at, pages in enumerate(senders)
        for number in range(4)
    ]
    statuses = [one.status_code for one in answers]
    assert statuses == [200] * mistake_reports.OF_SERVICE.most + [429, 429]
    assert 86000 < int(answers[-1]["Retry-After"]) <= 86401
    assert "What you wrote was not kept. Write it again after" in text_of(answers[-1].content)
    assert rows(superuser, AccessEntry) == before, "not even who said too much is written"
    assert len(stored(superuser)) == 10
    assert say(senders[2], BY_NO_ONE, at="/desk/directory").status_code == 200, "of another"
    shift_clock("24 hours 1 minute")
    later = say(at_the_desk("outsider.worker"), CRISIS, "other", "More", "/desk/directory")
    assert later.status_code == 200


@pytest.mark.parametrize("until", ["", "x", "-5", "1e9", "9" * 11, "9" * 30, "1000000000", "²"])
def test_an_address_that_was_made_up_shows_the_form(until, network):
    answer = Pages().get(f"/directory/{CRISIS}/mistake", {"until": until, "said": "nothing"})
    assert answer.status_code == 200
    assert "Report it" in text_of(answer.content)


# -- At once, and killed ---------------------------------------------------------------------------


def test_the_same_of_two_at_once_is_one(race, superuser):
    with race.held("LOCK TABLE directory_mistake_report IN ACCESS EXCLUSIVE MODE"):
        both = [race.start_and_wait(lambda: say(Pages(), CRISIS)) for _each in range(2)]
    assert [one.result(SOON).status_code for one in both] == [200, 200]
    assert len(stored(superuser)) == 1


def test_two_who_end_it_at_once_end_it_once(race, superuser):
    say(Pages(), CRISIS)
    ((report, *_rest),) = stored(superuser)
    desks = [at_the_desk("ywca.editor", csrf=False) for _each in range(2)]

    def end(desk: Pages) -> Any:
        return desk.http.post(f"/desk/entry-mistakes/{report}/done")

    with race.held("SELECT FROM directory_mistake_report WHERE id = %s FOR UPDATE", [report]):
        both = [race.start_and_wait(lambda desk=desk: end(desk)) for desk in desks]
    assert [one.result(SOON).status_code for one in both] == [302, 302]
    assert [row[3] for row in stored(superuser)] == [""]


def test_what_is_killed_half_way_has_stored_and_counted_nothing(race, superuser):
    with race.held("LOCK TABLE directory_mistake_report IN ACCESS EXCLUSIVE MODE"):
        killed = race.start_and_wait(lambda: say(Pages(), CRISIS))
        race.one(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"
        )
        answer = killed.result(SOON)
        assert answer.status_code == 503
        assert WORDS not in answer.content.decode()
    assert stored(superuser) == []
    assert race.one("SELECT count(*) FROM recent_count") == 0
    say(Pages(), CRISIS)
    assert len(stored(superuser)) == 1


# -- How long it is kept ---------------------------------------------------------------------------


def work() -> None:
    assert worker.run_until_idle(worker.jobs_named(["mistakes"])) == []


def test_all_of_it_goes_after_180_days_though_no_one_says_more(superuser, shift_clock):
    for what in ("closed", "hours"):
        say(Pages(), CRISIS, what, "")
    ((report, *_rest), _other) = stored(superuser)
    at_the_desk("ywca.editor", csrf=False).http.post(f"/desk/entry-mistakes/{report}/done")
    shift_clock("179 days")
    work()
    assert len(stored(superuser)) == 2
    shift_clock("180 days 1 minute")
    work()
    work()
    assert stored(superuser) == []


def test_what_was_said_of_an_entry_goes_when_it_closes(api, entry, superuser):
    editor, path = api("ywca.editor"), f"/v1/directory/services/{entry}"
    say(Pages(), entry)
    say(Pages(), CRISIS)
    changed = editor.patch(path, {"alert": "Mended"}, If_Match=editor.get(path)["ETag"])
    assert changed.status_code == 200, changed.content
    work()
    assert len(stored(superuser)) == 2, "a change is no answer"
    closed = editor.patch(path, {"status": "defunct"}, If_Match=editor.get(path)["ETag"])
    assert closed.status_code == 200, closed.content
    work()
    assert [row[1] for row in stored(superuser)] == [CRISIS]
    say(Pages(), entry, "other", "It is open again.")
    work()
    assert len(stored(superuser)) == 2, "what is said of it since then"


def test_what_was_said_of_an_entry_goes_with_it(entry, superuser):
    say(Pages(), entry)
    forget_edits()  # the entry's row is deleted
    work()
    assert stored(superuser) == []
