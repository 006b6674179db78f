"""What a question to a service never shows: what is confidential. And bad links, answers that are
none, two at once, and a worker that is killed."""

from typing import Any

import pytest

from directory.editing import verification
from directory.models import MailOptOut, Verification
from permissions.models import SealedMessage
from referrals import worker
from tests.desk.entry_check_pages import (
    COORDINATOR,
    DESK,
    NEVER,
    WORDS,
    ask,
    asked,
    asked_of,
    assured,
    change,
    links_to,
    service,
    work,
)
from tests.desk.entry_check_pages import house as house  # a fixture
from tests.desk.mistake_pages import stored, waits_for
from tests.support.ground.races import race as race  # a fixture
from tests.support.ground.waiting import SOON
from tests.support.people.desk_pages import Pages, as_app, at_the_desk, text_of

WRONG = {"answer": "wrong", "what": "closed", "words": WORDS}

# -- What is confidential --------------------------------------------------------------------------


def test_one_that_becomes_confidential_before_the_mail_gets_none(house, mails, shift_clock):
    work("entry-checks")
    change(house, confidential="yes")
    work("secrets")
    assert mails.received == []
    (message,) = SealedMessage.objects.using("jobs").filter(outcome="failed")
    assert message.sealed is None
    shift_clock("14 days 1 minute")
    ask()
    assert Verification.objects.using("jobs").get(service_id=service()).reminded_at is None


def test_one_that_becomes_confidential_before_the_reminder_leaves_gets_none(
    house, mails, shift_clock
):
    (link,) = asked(mails)
    shift_clock("14 days 1 minute")
    work("entry-checks")
    change(house, confidential="yes")
    work("secrets")
    assert links_to(mails) == [link]


@pytest.mark.parametrize("opened", [False, True], ids=["before opening", "before answering"])
def test_one_that_becomes_confidential_later_is_never_shown(
    opened, house, mails, superuser, shift_clock
):
    (link,) = asked(mails)
    pages = Pages()
    token = pages.hidden(link) if opened else token_of_another_page(pages)
    change(house, confidential="yes")
    bodies = {"answer": "right"}, {"answer": "stop"}, WRONG, {"answer": "other"}
    for body, status in zip(bodies, (404, 404, 404, 302), strict=True):
        real, never = (pages.http.post(at, token | body) for at in (link, NEVER))
        assert real.status_code == status
        assert said(real, link) == said(never, NEVER)
    shown, never = pages.get(link), pages.get(NEVER)
    assert shown.status_code == 404
    assert said(shown, link) == said(never, NEVER)
    work("entry-answers")
    assert assured() is None
    assert stored(superuser) == []
    assert not MailOptOut.objects.using("jobs").exists()
    shift_clock("31 days")
    assert "Talking" not in waits_for(COORDINATOR)
    assert link not in asked(mails)[1:], "no reminder"


def test_a_used_link_of_one_that_became_confidential_is_as_one_that_never_was(house, mails):
    (link,) = asked(mails)
    pages = Pages()
    token = pages.hidden(link)
    for _twice in range(2):
        assert pages.http.post(link, token | {"answer": "right"}).status_code == 302
    change(house, confidential="yes")
    real, never = (pages.http.post(at, token | {"answer": "right"}) for at in (link, NEVER))
    assert real.status_code == 404
    assert said(real, link) == said(never, NEVER)


def token_of_another_page(pages: Pages) -> dict[str, Any]:
    """What a form needs, of a browser that never opened the link."""
    return pages.hidden("/check/thanks", "/leave")


def said(answer: Any, path: str) -> tuple[int, int, str, list[str]]:
    """What an answer tells, without what names its request: status, size, text, other headers."""
    secret = path.removeprefix("/check/")
    headers = [
        f"{name}: {value}".replace(secret, "-")
        for name, value in sorted(answer.headers.items())
        if name not in ("X-Request-Id", "Content-Security-Policy")
    ]
    return answer.status_code, len(answer.content), text_of(answer.content), headers


# -- What is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"answer": "wrong", "what": "", "words": WORDS}, "what"),
        ({"answer": "", "what": "nothing", "words": WORDS}, "what"),
        ({"answer": "wrong", "what": "other", "words": " "}, "words"),
        ({"answer": "wrong", "what": "hours", "words": "x" * 301}, "words"),
        ({"answer": "wrong", "what": "hours", "words": f"{WORDS}\x07"}, "hidden"),
    ],
)
def test_a_fault_is_said_without_what_was_typed_and_the_link_stays(
    given, fault, house, mails, superuser
):
    (link,) = asked(mails)
    answer = Pages().submit(link, given)
    assert answer.redirect_chain == [(f"{link}?said={fault}", 302)]
    assert WORDS not in answer.content.decode()
    assert "What you wrote was not kept" in text_of(answer.content)
    assert stored(superuser) == []
    assert Pages().get(link).status_code == 200


@pytest.mark.parametrize("token", ["x", "a" * 22, "a" * 3000, "%00", "ñ"])
def test_a_link_that_is_none_is_not_found(token, network):
    pages = Pages()
    assert pages.get(f"/check/{token}").status_code == 404
    given = token_of_another_page(pages) | {"answer": "stop"}
    assert pages.http.post(f"/check/{token}", given).status_code == 404
    assert not MailOptOut.objects.using("jobs").exists()


@pytest.mark.parametrize("answer", ["right", "wrong", "stop"])
def test_a_link_is_over_after_thirty_days(answer, house, mails, shift_clock, superuser):
    (link,) = asked(mails)
    pages = Pages()
    token = pages.hidden(link)
    shift_clock("30 days 1 minute")
    given = WRONG | {"answer": answer}
    assert pages.http.post(link, token | given).status_code == 404
    work("entry-answers")
    assert (assured(), stored(superuser)) == (None, [])
    assert not MailOptOut.objects.using("jobs").exists()


def test_a_form_without_its_token_and_a_table_without_its_functions_are_closed(house, mails):
    (link,) = asked(mails)
    assert Pages().http.post(link, {"answer": "right"}).status_code == 403
    for sql in (
        "SELECT * FROM directory_verification",
        "SELECT * FROM directory_mail_opt_out",
        "INSERT INTO directory_mail_opt_out VALUES ('x', now())",
        "UPDATE directory_verification SET answer = 'right'",
        "SELECT sec.is_entry_question_alive(gen_random_uuid())",
        "SELECT sec.mail_address_hash('x')",
    ):
        with pytest.raises(Exception, match="permission denied"):
            as_app(sql)
    with pytest.raises(Exception, match="no such answer"):
        as_app("SELECT sec.answer_verification('x', 'done', '', '')")
    assert as_app("SELECT count(*) FROM sec.unverified_entries()") == [(0,)]
    assert as_app("SELECT sec.end_verification(gen_random_uuid())") == [(False,)]


@pytest.mark.parametrize("who", ["police.worker", "taskforce.auditor"])
def test_who_mends_nothing_is_shown_no_list(who, network):
    assert at_the_desk(who).get("/desk/entry-mistakes").status_code == 403


# -- Twice, at once, and killed --------------------------------------------------------------------


@pytest.mark.parametrize("given", [{"answer": "right"}, {"answer": "stop"}, WRONG])
def test_the_same_answer_twice_is_one_and_another_is_refused(given, house, mails, superuser):
    (link,) = asked(mails)
    pages = Pages()
    token = pages.hidden(link)
    for _twice in range(2):
        answer = pages.http.post(link, token | given)
        thanks = f"/check/thanks?said={given['answer']}"
        assert (answer.status_code, answer["Location"]) == (302, thanks)
    for other in ({"answer": "right"}, {"answer": "stop"}, WRONG, WRONG | {"words": "More."}):
        if other != given:
            assert pages.http.post(link, token | other).status_code == 404
    work("entry-answers", "entry-answers")
    assert (assured() is not None) == (given["answer"] == "right")
    assert len(stored(superuser)) == (given["answer"] == "wrong")
    assert MailOptOut.objects.using("jobs").count() == (given["answer"] == "stop")


def test_of_two_answers_at_once_the_first_counts(house, mails, race, superuser):
    (link,) = asked(mails)
    both_pages = [Pages(), Pages()]
    bodies = [{"answer": "right"}, WRONG]
    given = [(one, one.hidden(link) | body) for one, body in zip(both_pages, bodies, strict=True)]
    with race.held("SELECT FROM directory_verification FOR UPDATE"):
        both = [
            race.start_and_wait(lambda one=one, body=body: one.http.post(link, body))
            for one, body in given
        ]
    assert [one.result(SOON).status_code for one in both] == [302, 404]
    assert stored(superuser) == []


def test_two_workers_ask_once(house, mails, race):
    with race.held("LOCK TABLE directory_verification IN ACCESS EXCLUSIVE MODE"):
        first = race.start_and_wait(verification.ask_step)
        assert race.start(verification.ask_step).result(SOON) is False
    first.result(SOON)
    assert asked_of() == 1
    assert len(asked(mails)) == 1


def kill_those_who_wait(race: Any) -> None:
    race.one(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"
    )


def test_what_is_killed_between_the_row_and_its_mail_is_done_by_the_next_step(house, mails, race):
    jobs = worker.jobs_named(["entry-checks"])
    with race.held("LOCK TABLE permissions_sealedmessage IN ACCESS EXCLUSIVE MODE"):
        killed = race.start_and_wait(lambda: worker.run_until_idle(jobs))
        kill_those_who_wait(race)
        assert killed.result(SOON) == ["entry-checks"]
    assert not Verification.objects.using("jobs").exists(), "no question without its mail"
    assert len(asked(mails)) == 1


def test_a_reminder_that_is_killed_half_way_is_sent_by_the_next_step(
    house, mails, race, shift_clock
):
    (link,) = asked(mails)
    shift_clock("14 days 1 minute")
    jobs = worker.jobs_named(["entry-checks"])
    with race.held("LOCK TABLE permissions_sealedmessage IN ACCESS EXCLUSIVE MODE"):
        killed = race.start_and_wait(lambda: worker.run_until_idle(jobs))
        kill_those_who_wait(race)
        assert killed.result(SOON) == ["entry-checks"]
    assert Verification.objects.using("jobs").get(service_id=service()).reminded_at is None
    assert asked(mails) == [link, link]


def test_a_yes_whose_worker_is_killed_sets_the_day_with_the_next_step(house, mails, race):
    (link,) = asked(mails)
    Pages().submit(link, {"answer": "right"})
    jobs = worker.jobs_named(["entry-answers"])
    with race.held("LOCK TABLE directory_listing IN ACCESS EXCLUSIVE MODE"):
        killed = race.start_and_wait(lambda: worker.run_until_idle(jobs))
        kill_those_who_wait(race)
        assert killed.result(SOON) == ["entry-answers"]
    assert assured() is None
    work("entry-answers")
    assert assured() is not None


def test_a_mail_whose_server_refuses_it_leaves_the_entry_not_verified(house, mails, shift_clock):
    mails.refuse[DESK] = 550
    ask()
    assert mails.received == []
    shift_clock("30 days 1 minute")
    assert "Talking" in waits_for(COORDINATOR)
