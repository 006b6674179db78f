"""A mistake in the directory, from the reader who sees it to the editor who mends it."""

from typing import Any

import pytest
from django.db import connection

from directory.demo import loader
from directory.editing import mistake_reports
from directory.models import MistakeReport
from permissions.database.uuid7 import uuid7
from permissions.models import AccessEntry
from tests.desk.directory_pages import entry as entry  # a fixture
from tests.desk.directory_pages import nothing_left as nothing_left  # a fixture
from tests.support.desk_pages import Pages, at_the_desk, rows, text_of

CRISIS = str(loader.service_id("shelter-crisis"))  # ywca edits it
BY_NO_ONE = str(loader.service_id("911"))
WORDS = "It is now 406-555-0199."


def say(
    pages: Pages,
    service: str,
    what: str = "no_answer",
    words: str = WORDS,
    at: str = "/directory",
) -> Any:
    return pages.submit(f"{at}/{service}/mistake", {"what": what, "words": words})


def waits_for(who: str) -> str:
    return text_of(at_the_desk(who).get("/desk/entry-mistakes").content)


def stored(superuser: Any) -> list[Any]:
    with superuser.cursor() as cursor:
        cursor.execute("SELECT * FROM directory_mistake_report ORDER BY at, id")
        found: list[Any] = cursor.fetchall()
    superuser.commit()
    return found


# -- Saying it -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "at"), [(None, "/directory"), ("police.worker", "/desk/directory")]
)
def test_a_reader_says_what_is_wrong_and_its_editor_mends_it(who, at, superuser):
    pages = at_the_desk(who) if who else Pages()
    before = rows(superuser, AccessEntry)
    page = pages.get(f"{at}/{CRISIS}").content.decode()
    assert f'href="{at}/{CRISIS}/mistake"' in page
    asked = text_of(pages.get(f"{at}/{CRISIS}/mistake").content)
    assert "Never write a name, or anything about yourself or a survivor." in asked
    answer = pages.submit(f"{at}/{CRISIS}/mistake", {"what": "no_answer", "words": WORDS})
    assert answer.redirect_chain == [(f"{at}/{CRISIS}/mistake?said=thanks", 302)]
    assert "Thank you." in text_of(answer.content)
    assert rows(superuser, AccessEntry) == before

    assert "Reported mistakes" in text_of(at_the_desk("ywca.editor").get("/desk/entries").content)
    shown = waits_for("ywca.editor")
    assert "Crisis line" in shown
    assert "The number does not answer, or is wrong" in shown
    assert WORDS in shown
    assert "call the service at a number that you know before you change it" in shown

    ((report, *_rest),) = stored(superuser)
    editor = at_the_desk("ywca.editor")
    done = f"/desk/entry-mistakes/{report}/done"
    for _twice in range(2):
        token = editor.hidden("/desk/entries", "/leave")
        assert editor.http.post(done, token).status_code == 302
    assert "No one has reported a mistake." in waits_for("ywca.editor")
    ((_id, _service, _what, words, _at, done_by, done_at),) = stored(superuser)
    assert words == "", "the words go"
    assert done_by
    assert done_at


def test_nothing_of_who_said_it_is_kept(superuser):
    assert [one.name for one in MistakeReport._meta.fields] == [
        *("id", "service_id", "what", "words", "at", "done_by", "done_at")
    ]
    say(Pages(), CRISIS)
    say(at_the_desk("police.worker"), CRISIS, at="/desk/directory")
    ((_id, service, what, words, _at, done_by, done_at),) = stored(superuser)  # said once
    assert (service, what, words, done_by, done_at) == (CRISIS, "no_answer", WORDS, None, None)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"what": "", "words": WORDS}, "what"),
        ({"what": "nothing", "words": WORDS}, "what"),
        ({"what": "other", "words": " "}, "words"),
        ({"what": "hours", "words": "x" * 301}, "words"),
        ({"what": "hours", "words": "hidden\u202etext"}, "words"),
    ],
)
def test_a_fault_is_said_at_an_address_without_what_was_typed(given, said, superuser):
    answer = Pages().submit(f"/directory/{CRISIS}/mistake", given)
    assert answer.redirect_chain == [(f"/directory/{CRISIS}/mistake?said={said}", 302)]
    page = answer.content.decode()
    assert "What you wrote was not kept" in text_of(page)
    assert WORDS not in page
    assert stored(superuser) == []


def test_no_words_are_needed_and_three_hundred_fit(superuser):
    say(Pages(), CRISIS, "closed", "")
    say(Pages(), CRISIS, "hours", "x" * 300)
    assert [(row[2], len(row[3])) for row in stored(superuser)] == [("closed", 0), ("hours", 300)]


def test_a_form_without_its_token_is_refused(superuser):
    body = {"what": "closed", "words": ""}
    assert Pages().http.post(f"/directory/{CRISIS}/mistake", body).status_code == 403
    assert stored(superuser) == []


# -- Who may ---------------------------------------------------------------------------------------


def test_an_entry_that_a_reader_may_not_see_is_one_that_there_is_not(api, entry, superuser):
    editor, path = api("ywca.editor"), f"/v1/directory/services/{entry}"
    hidden = editor.patch(path, {"confidential": True}, If_Match=editor.get(path)["ETag"])
    assert hidden.status_code == 200, hidden.content
    none = str(uuid7())
    pages = Pages()
    token = pages.hidden(f"/directory/{CRISIS}/mistake")
    for method in ("get", "post"):
        body = token | {"what": "closed", "words": ""}
        answers = [
            getattr(pages.http, method)(f"/directory/{one}/mistake", body) for one in (entry, none)
        ]
        assert [one.status_code for one in answers] == [404, 404]
        assert text_of(answers[0].content) == text_of(answers[1].content)
    member = at_the_desk("police.worker")
    member.submit(f"/desk/directory/{entry}/mistake", {"what": "closed", "words": ""})
    assert len(stored(superuser)) == 1
    assert "Night line of a test" in waits_for("ywca.editor")


def test_editors_read_their_own_and_the_coordinator_what_no_agency_edits(superuser):
    for service in (CRISIS, BY_NO_ONE):
        say(Pages(), service)
    emergency = "Emergency: police, fire, ambulance"
    assert "Crisis line" in waits_for("ywca.editor")
    assert emergency not in waits_for("ywca.editor")
    assert emergency in waits_for("taskforce.coordinator")
    assert "Crisis line" not in waits_for("taskforce.coordinator")
    for who in ("ywca.worker", "police.worker", "outsider.worker", "ywca.auditor"):
        answer = at_the_desk(who).get("/desk/entry-mistakes")
        assert answer.status_code == 403, who
        assert WORDS not in answer.content.decode()

    ids = {row[1]: row[0] for row in stored(superuser)}
    editor = at_the_desk("ywca.editor", csrf=False)
    for other in (ids[BY_NO_ONE], str(uuid7())):
        assert editor.http.post(f"/desk/entry-mistakes/{other}/done").status_code == 404
    assert (
        at_the_desk("police.worker", csrf=False)
        .http.post(f"/desk/entry-mistakes/{ids[CRISIS]}/done")
        .status_code
        == 403
    )
    assert all(row[5] is None for row in stored(superuser))


def test_the_table_itself_is_closed_to_the_servers_role(network):
    for sql in (
        "SELECT * FROM directory_mistake_report",
        "INSERT INTO directory_mistake_report (id, service_id, what, at)"
        " VALUES (gen_random_uuid(), gen_random_uuid(), 'other', now())",
        "DELETE FROM directory_mistake_report",
    ):
        with pytest.raises(Exception, match="permission denied"):
            as_app(sql)
    with pytest.raises(Exception, match="no such entry"):
        as_app(f"SELECT sec.report_mistake('{uuid7()}', '{uuid7()}', 'other', 'x')")
    assert as_app("SELECT count(*) FROM sec.mistake_reports()") == [(0,)]
    assert as_app(f"SELECT sec.end_mistake_report('{uuid7()}')") == [(False,)]


def as_app(sql: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


# -- Brakes ----------------------------------------------------------------------------------------


def test_a_reader_says_five_things_an_hour(superuser, shift_clock):
    pages = Pages()
    for number in range(mistake_reports.OF_CALLER.most):
        assert say(pages, CRISIS, "other", f"Number {number}").status_code == 200
    answer = say(pages, CRISIS, "other", "One more")
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert len(stored(superuser)) == 5
    shift_clock("61 minutes")
    assert say(pages, CRISIS, "other", "One more").status_code == 200
    assert len(stored(superuser)) == 6


def test_a_service_has_ten_a_day_from_everyone_together(superuser):
    senders = [at_the_desk(who) for who in ("police.worker", "ywca.worker", "outsider.worker")]
    answers = [
        say(pages, CRISIS, "other", f"{number} of {at}", "/desk/directory").status_code
        for at, pages in enumerate(senders)
        for number in range(4)
    ]
    assert answers.count(200) == mistake_reports.OF_SERVICE.most
    assert answers[-2:] == [429, 429]
    assert len(stored(superuser)) == 10


def test_what_is_old_goes_with_the_next_one(superuser, shift_clock):
    say(Pages(), CRISIS, "closed", "")
    shift_clock("181 days")
    say(Pages(), CRISIS, "hours", "")
    assert [row[2] for row in stored(superuser)] == ["hours"]
