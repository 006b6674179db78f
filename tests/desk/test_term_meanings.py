"""The coordinator says at the desk what the terms of a source mean, and its services are found."""

import csv
from uuid import UUID

import pytest
from django.core.management import call_command

from directory.models import TermMeaning
from directory.taxonomy import term_meanings
from permissions.database.db_identity import identified_transaction
from permissions.errors import BadRequest, NotPermitted, TooOften
from permissions.identity.credentials import resolve_credential
from permissions.models import AccessEntry
from tests.desk.term_pages import (
    COORDINATOR,
    NAMES,
    SHELTER,
    found,
    said,
    stored,
    tables,
    term,
    work,
)
from tests.desk.term_pages import county as county  # a fixture
from tests.support.ground.stale_projections import stale
from tests.support.people.coordinator_lists import (
    NO_ONE_ELSE,
    answered_to_the_end,
    assert_begins_at_wrong_places,
)
from tests.support.people.desk_pages import as_app, at_the_desk, rows, text_of
from tests.support.people.hsds_source import take, write_tables

# -- The way of an answer --------------------------------------------------------------------------


def test_the_coordinator_says_yes_and_services_are_found_until_it_is_taken_back(county, superuser):
    pages = at_the_desk(COORDINATOR)
    assert 'href="/desk/terms"' in pages.get("/desk/uncovered").content.decode()
    before = rows(superuser, AccessEntry)
    shown = text_of(pages.get("/desk/terms").content)
    assert shown.index(NAMES[0]) < shown.index(NAMES[1]), "in order of use"
    assert f"{NAMES[0]} 2 services Source: test" in shown
    assert "Does it mean Victim services: " in shown
    assert "Likeness of the words: " in shown
    assert NAMES[3] not in shown, "a name of Open Eligibility's needs no answer"
    row = stored(0)
    assert row.means[0] == SHELTER
    assert (row.score >= 0.35, row.answer, row.due) == (True, "", False)

    assert "Saved." in text_of(said(pages, 0, "yes").content)
    assert found() == [], "no request waits for its services"
    assert NAMES[0] not in text_of(pages.get("/desk/terms").content)
    answered = text_of(pages.get("/desk/terms?show=yes").content)
    assert "Victim services: Emergency shelter" in answered
    assert "Its services are being updated." in answered
    work("term-meanings")
    assert found() == ["Talking", "Walking"]
    assert found("", "refugio") == ["Talking", "Walking"]
    assert not stale()
    assert "being updated" not in text_of(pages.get("/desk/terms?show=yes").content)
    row = stored(0)
    assert row.answered_by
    assert row.answered_at
    assert rows(superuser, AccessEntry) == before

    assert take(county).changes.total() == 0
    work("term-drafts")
    assert found() == ["Talking", "Walking"], "it outlives an import"
    said(pages, 0, "undo", "?show=yes")
    work("term-meanings")
    assert found() == []
    assert not stale()
    assert NAMES[0] in text_of(pages.get("/desk/terms").content)


def test_no_takes_a_term_off_the_list_and_changes_no_entry(county):
    pages = at_the_desk(COORDINATOR)
    said(pages, 0, "no")
    assert (stored(0).answer, stored(0).due) == ("no", False)
    work("term-drafts", "term-meanings")
    assert NAMES[0] not in text_of(pages.get("/desk/terms").content)
    assert NAMES[0] in text_of(pages.get("/desk/terms?show=no").content)
    said(pages, 0, "undo", "?show=no")
    assert NAMES[0] in text_of(pages.get("/desk/terms").content)


def test_another_of_our_terms_is_chosen_or_two(county):
    pages, at = at_the_desk(COORDINATOR), f"/desk/terms/{term(2)}"
    asked = text_of(pages.get(at).content)
    assert "What does this term mean?" in asked
    assert NAMES[2] in asked
    wrong = pages.submit(at, {})
    assert "Please fix the following" in text_of(wrong.content)
    pages.submit(at, {"first": "needs/nothing"})
    assert stored(2).answer == ""
    given = {"first": "needs/transitional-housing", "second": "served/women"}
    answer = pages.submit(at, given)
    assert answer.redirect_chain[-1][0] == "/desk/terms"
    assert stored(2).chosen == sorted(given.values())
    work("term-meanings")
    assert found("needs/transitional-housing") == ["Walking"]
    shown = text_of(pages.get("/desk/terms?show=yes").content)
    assert "Victim services: " in shown
    assert "Who it is for: " in shown


def test_the_desk_and_the_command_line_see_each_others_answers(county, tmp_path):
    pages, path = at_the_desk(COORDINATOR), tmp_path / "draft.csv"

    def crosswalk(*arguments: str) -> None:
        call_command("directory", "crosswalk", "--source", "test", *arguments)

    said(pages, 0, "yes")
    work("term-meanings")
    crosswalk("--draft", str(path))
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    (line,) = (one for one in lines if one["name"] == NAMES[0])
    assert (line["means"], line["confirmed"]) == (SHELTER, "yes")
    for word, open_now in (("no", True), ("yes", False)):
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, line)
            writer.writeheader()
            writer.writerow(line | {"confirmed": word})
        crosswalk("--load", str(path))
        work("term-drafts")
        assert (NAMES[0] in text_of(pages.get("/desk/terms").content)) is open_now
    assert (stored(0).answer, stored(0).chosen) == ("yes", [SHELTER])


def test_what_entries_no_longer_have_leaves_the_list_and_answers_stay(county, tmp_path):
    pages = at_the_desk(COORDINATOR)
    said(pages, 1, "no")
    work("term-meanings")
    left = tables()
    left["attributes"] = left["attributes"][:2]  # of the first term
    take(write_tables(tmp_path / "county", left), allow_closing=True)
    work("term-drafts")
    shown = text_of(pages.get("/desk/terms").content)
    assert NAMES[0] in shown
    assert NAMES[2] not in shown
    assert f"{NAMES[1]} 0 services" in text_of(pages.get("/desk/terms?show=no").content)


def test_a_term_with_another_name_is_drafted_again(county, tmp_path):
    assert SHELTER not in stored(2).means
    take(write_tables(tmp_path / "county", tables(terms=(*NAMES[:2], "Emergency shelters"))))
    work("term-drafts")
    assert stored(2).name == "Emergency shelters"
    assert SHELTER in stored(2).means


def test_a_list_without_terms_says_so(network):
    pages = at_the_desk(COORDINATOR)
    assert "No term waits for an answer." in text_of(pages.get("/desk/terms").content)
    for show in ("yes", "no"):
        shown = text_of(pages.get("/desk/terms", {"show": show}).content)
        assert "No term has this answer." in shown


def test_the_list_goes_on_where_it_was_and_none_is_passed_over(network):
    kept = TermMeaning.objects.using("jobs")
    kept.bulk_create(
        TermMeaning(id=UUID(int=number), name=f"Word {number}", source="test", services=number // 3)
        for number in range(1, 61)
    )
    pages, path = at_the_desk(COORDINATOR), "/desk/terms"
    seen = [UUID(one).int for one in answered_to_the_end(pages, path, "no")]
    assert sorted(seen) == list(range(1, 61))
    assert [one // 3 for one in seen] == sorted((one // 3 for one in seen), reverse=True)
    wrong = ("x", "1.x", "9" * 30, f"1.{'-' * 36}", f"1.{'z' * 36}", "²." + "0" * 36)
    assert_begins_at_wrong_places(pages, path, wrong, ">Word ")


# -- Who may, and what is refused ------------------------------------------------------------------


@pytest.mark.parametrize("who", NO_ONE_ELSE)
def test_no_one_else_reads_or_answers(who, county):
    desk = at_the_desk(who, csrf=False)
    assert 'href="/desk/terms"' not in desk.get("/desk/account").content.decode()
    for path in ("/desk/terms", f"/desk/terms/{term(0)}"):
        assert desk.get(path).status_code == 403
    for what in ("yes", "no", "undo"):
        body = {"seen": "0", "means": SHELTER}
        answer = desk.http.post(f"/desk/terms/{term(0)}/{what}", body)
        assert answer.status_code == 403
    body = {"seen": "0", "first": SHELTER}
    assert desk.http.post(f"/desk/terms/{term(0)}", body).status_code == 403
    caller = desk.principal
    with identified_transaction(caller):
        assert as_app("SELECT count(*) FROM sec.term_meanings('', 0, NULL, NULL, 9)") == [(0,)]
        sql = f"SELECT sec.answer_term('{term(0)}', 0, 'no', '{{}}')"
        assert as_app(sql) == [("hidden",)]
    assert stored(0).answer == ""


def test_a_system_and_the_servers_role_read_nothing(api, county):
    client = resolve_credential(api("ywca.client").secret)
    assert client
    with pytest.raises(NotPermitted):
        term_meanings.listed(client, "")
    with pytest.raises(NotPermitted):
        term_meanings.answer(client, term(0), 0, "no")
    for sql in (
        "SELECT * FROM directory_term_meaning",
        "UPDATE directory_term_meaning SET answer = 'no'",
        "DELETE FROM directory_term_meaning",
        "SELECT sec.may_say_what_terms_mean()",
    ):
        with pytest.raises(Exception, match="permission denied"):
            as_app(sql)
    assert as_app("SELECT count(*) FROM sec.term_meanings('', 0, NULL, NULL, 9)") == [(0,)]


def test_what_is_no_term_or_no_answer_is_refused(county):
    desk = at_the_desk(COORDINATOR, csrf=False)
    nowhere = "01890000-0000-7000-8000-000000000004"
    assert desk.get(f"/desk/terms/{nowhere}").status_code == 404
    assert desk.http.post(f"/desk/terms/{nowhere}/no", {"seen": "0"}).status_code == 404
    for means in ("", "needs/nothing", "x", "needs/", "\x00"):
        answer = desk.http.post(f"/desk/terms/{term(0)}/yes", {"seen": "0", "means": means})
        assert answer.status_code == 400, means
    principal = desk.principal
    for word, means in (("no", [("needs", "housing")]), ("yes", []), ("perhaps", [])):
        with pytest.raises(BadRequest):
            term_meanings.answer(principal, term(0), 0, word, means)
    for seen in ("", "x", "-1", "9" * 30):
        answer = desk.http.post(f"/desk/terms/{term(0)}/no", {"seen": seen}, follow=True)
        assert "Someone else answered this term meanwhile." in text_of(answer.content)
    assert desk.get(f"/desk/terms/{term(0)}/no").status_code == 302
    assert (stored(0).answer, stored(0).changes) == ("", 0)


def test_a_form_without_its_token_is_refused(county):
    pages = at_the_desk(COORDINATOR)
    assert pages.http.post(f"/desk/terms/{term(0)}/no", {"seen": "0"}).status_code == 403
    assert stored(0).answer == ""


def test_three_hundred_answers_an_hour(county, shift_clock):
    desk = at_the_desk(COORDINATOR, csrf=False)
    principal = desk.principal
    term_meanings.answer(principal, term(0), 0, "no")
    for _again in range(term_meanings.OF_MEMBER.most - 1):
        term_meanings.answer(principal, term(0), 0, "no")  # the same answer: it counts, too
    with pytest.raises(TooOften):
        term_meanings.answer(principal, term(1), 0, "no")
    answer = desk.http.post(f"/desk/terms/{term(1)}/no", {"seen": "0"})
    assert answer.status_code == 429
    shift_clock("61 minutes")
    term_meanings.answer(principal, term(1), 0, "no")
    assert (stored(0).changes, stored(1).answer) == (1, "no")
