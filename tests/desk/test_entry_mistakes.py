"""A mistake in the directory, from the reader who sees it to the editor who mends it."""

import re
from uuid import UUID

import pytest

from directory.editing import mistake_reports
from directory.models import MistakeReport
from permissions.database.db_identity import identified_transaction
from permissions.database.uuid7 import uuid7
from permissions.errors import NotPermitted
from permissions.identity.credentials import resolve_credential
from permissions.models import AccessEntry
from tests.bench import plans
from tests.desk.directory_pages import entry as entry  # a fixture
from tests.desk.directory_pages import nothing_left as nothing_left  # a fixture
from tests.desk.mistake_pages import BY_NO_ONE, CRISIS, WORDS, say, stored, waits_for
from tests.support.people.callers import agency_id
from tests.support.people.desk_pages import Pages, as_app, at_the_desk, rows, text_of
from tests.support.people.exercises import Exercise

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
    assert shown.count("Done") == 1
    assert "Crisis line" in shown
    assert "The number does not answer, or is wrong" in shown
    assert WORDS in shown
    waits = shown.partition(WORDS)[0].rpartition("Reported mistakes")[2]
    assert re.search(r"\w{3} \d+, \d{4}", waits), "the day, and no time of day"
    assert not re.search(r"\d:\d\d", waits)
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
    pages.submit(f"{at}/{CRISIS}/mistake", {"what": "no_answer", "words": WORDS})
    assert WORDS in waits_for("ywca.editor"), "the same, once it was done, is a new one"


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
        ({"what": "other", "words": "\n\u3000"}, "words"),
        ({"what": "hours", "words": f"{WORDS}\x00"}, "hidden"),
        ({"what": "hours", "words": f"{WORDS}\u202etext"}, "hidden"),
        ({"what": "hours", "words": f"{WORDS}\x07"}, "hidden"),
        ({"what": "closed\u202e", "words": WORDS}, "what"),
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
    editor, report = at_the_desk("ywca.editor", csrf=False), stored(superuser)[0][0]
    assert editor.http.post(f"/desk/entry-mistakes/{report}/done").status_code == 302
    say(Pages(), CRISIS, "closed", "")
    assert [row[2] for row in stored(superuser)] == ["closed", "hours", "closed"]


def test_nothing_but_the_table_has_the_words(superuser, caplog):
    for pages, at in ((Pages(), "/directory"), (at_the_desk("police.worker"), "/desk/directory")):
        answer = say(pages, CRISIS, "other", at=at)
        kept = [
            *(one for one, _status in answer.redirect_chain),
            *(one.value for one in pages.http.cookies.values()),
            *(line.getMessage() for line in caplog.records),
            answer.content.decode(),
        ]
        assert not [one for one in kept if WORDS in one or "555-0199" in one]
    with superuser.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM recent_count r WHERE r::text LIKE '%555-0199%'")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT count(*) FROM access_entry e WHERE e::text LIKE %s", [f"%{CRISIS}%"])
        assert cursor.fetchone() == (0,)


def test_a_form_without_its_token_is_refused(superuser):
    body = {"what": "closed", "words": ""}
    assert Pages().http.post(f"/directory/{CRISIS}/mistake", body).status_code == 403
    assert stored(superuser) == []


# -- Who may ---------------------------------------------------------------------------------------


def test_an_entry_that_a_reader_may_not_see_is_one_that_there_is_not(api, entry, superuser):
    editor, path = api("ywca.editor"), f"/v1/directory/services/{entry}"
    hidden = editor.patch(path, {"confidential": True}, If_Match=editor.get(path)["ETag"])
    assert hidden.status_code == 200, hidden.content
    pages, none = Pages(), str(uuid7())
    token = pages.hidden(f"/directory/{CRISIS}/mistake")
    for method, body in (
        ("get", {}),
        ("get", {"said": "thanks"}),
        ("post", token | {"what": "closed", "words": ""}),
        ("post", token | {"what": "", "words": "x" * 301}),
    ):
        answers, sent = [], []
        for one in (none, entry, none):  # the first fills the caches
            with plans.statements() as seen:
                answers.append(getattr(pages.http, method)(f"/directory/{one}/mistake", body))
            sent.append([statement.sql for statement in seen])
        assert [one.status_code for one in answers] == [404, 404, 404]
        assert sent[1] == sent[2]
        assert sent[1]
        first, second = ((one.content, sorted(one.items())) for one in answers[1:])
        assert without_ids(repr(first)) == without_ids(repr(second))
    assert stored(superuser) == []
    statement = f"SELECT sec.report_mistake('{uuid7()}', '%s', 'other', 'x')"
    for who, one in ((None, entry), (api("police.worker").secret, none)):
        caller = resolve_credential(who) if who else None
        with pytest.raises(Exception, match="no such entry"), identified_transaction(caller):
            as_app(statement % one)
    assert stored(superuser) == []
    member = at_the_desk("police.worker")
    member.submit(f"/desk/directory/{entry}/mistake", {"what": "closed", "words": ""})
    assert len(stored(superuser)) == 1
    assert "Night line of a test" in waits_for("ywca.editor")


def without_ids(answer: str) -> str:
    """Without what differs in any two answers: the request's own id, and the tokens of forms."""
    return re.sub(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}|\b\w{64}\b", "…", answer)


def test_editors_read_their_own_and_the_coordinator_what_no_agency_edits(superuser):
    for service in (CRISIS, BY_NO_ONE):
        say(Pages(), service)
    emergency = "Emergency: police, fire, ambulance"
    assert "Crisis line" in waits_for("ywca.editor")
    assert emergency not in waits_for("ywca.editor")
    assert emergency in waits_for("taskforce.coordinator")
    assert "Crisis line" not in waits_for("taskforce.coordinator")
    assert WORDS not in waits_for("police.editor"), "an editor of another agency"
    for who in ("ywca.worker", "ywca.worker2", "police.worker", "outsider.worker", "ywca.auditor"):
        answer = at_the_desk(who).get("/desk/entry-mistakes")
        assert answer.status_code == 403, who
        assert WORDS not in answer.content.decode()

    ids = {row[1]: row[0] for row in stored(superuser)}
    for who, report, status in (
        ("ywca.editor", ids[BY_NO_ONE], 404),
        ("ywca.editor", str(uuid7()), 404),
        ("police.editor", ids[CRISIS], 404),
        ("taskforce.coordinator", ids[CRISIS], 404),
        ("police.worker", ids[CRISIS], 403),
        ("ywca.auditor", ids[CRISIS], 403),
    ):
        desk = at_the_desk(who, csrf=False)
        assert desk.http.post(f"/desk/entry-mistakes/{report}/done").status_code == status, who
    assert all(row[5] is None for row in stored(superuser))


def test_the_coordinator_reads_what_an_agency_without_an_editor_is_told(superuser):
    say(Pages(), CRISIS)
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT id, roles FROM permissions_membership"
            " WHERE agency_id = %s AND 'directory_editor' = ANY (roles)",
            [agency_id("ywca")],
        )
        editors = cursor.fetchall()
        assert editors
        cursor.execute(
            "UPDATE permissions_membership SET roles = array_remove(roles, 'directory_editor')"
            " WHERE id = ANY (%s)",
            [[one for one, _roles in editors]],
        )
        try:
            assert WORDS in waits_for("taskforce.coordinator")
            ((report, *_),) = stored(superuser)
            mends = at_the_desk("taskforce.coordinator", csrf=False)
            answer = mends.http.post(f"/desk/entry-mistakes/{report}/done")
            assert answer.status_code == 302
            assert WORDS not in waits_for("taskforce.coordinator")
        finally:
            for one, roles in editors:
                cursor.execute(
                    "UPDATE permissions_membership SET roles = %s WHERE id = %s", [roles, one]
                )


def test_a_system_reads_and_ends_none(api, superuser):
    say(Pages(), CRISIS)
    ((report, *_rest),) = stored(superuser)
    client = resolve_credential(api("ywca.client").secret)
    assert client
    for call in (mistake_reports.waiting, lambda who: mistake_reports.end(who, report)):
        with pytest.raises(NotPermitted):
            call(client)
    with identified_transaction(client):
        assert as_app("SELECT count(*) FROM sec.mistake_reports()") == [(0,)]
        assert as_app(f"SELECT sec.end_mistake_report('{report}')") == [(False,)]


def test_nothing_is_reported_in_practice(superuser):
    exercise = Exercise().begin()
    desk = exercise.desks["police.lead"]
    at = f"/desk/directory/{CRISIS}"
    assert f"{at}/mistake" not in desk.get(at).content.decode()
    assert desk.get(f"{at}/mistake").status_code == 403
    body = desk.hidden(at, "/desk/directory/list") | {"what": "closed", "words": WORDS}
    answer = desk.http.post(f"{at}/mistake", body)
    assert answer.status_code == 403
    assert WORDS not in answer.content.decode()
    practicing = desk.principal
    with pytest.raises(NotPermitted):
        mistake_reports.report(practicing, UUID(CRISIS), "closed", "")
    assert stored(superuser) == []


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
    with pytest.raises(Exception, match="too many words"):
        as_app(f"SELECT sec.report_mistake('{uuid7()}', '{CRISIS}', 'other', repeat('x', 301))")
    with pytest.raises(Exception, match="permission denied"):
        as_app("SELECT sec.end_old_mistake_reports()")
    assert as_app("SELECT count(*) FROM sec.mistake_reports()") == [(0,)]
    assert as_app(f"SELECT sec.end_mistake_report('{uuid7()}')") == [(False,)]
