"""The coordinator says at the desk which of two services is listed, and can take it back."""

from uuid import UUID, uuid4

import pytest

from directory import models as m
from directory.duplicates import answers
from directory.importing.parsing import id_of
from directory.listings import bind_organization
from permissions.database.db_identity import identified_transaction
from permissions.errors import BadRequest, NotPermitted, NotVisible, StaleMatch, TooOften
from permissions.identity.credentials import resolve_credential
from permissions.models import AccessEntry
from tests.desk.duplicate_pages import (
    APPLIES,
    COORDINATOR,
    FINDS,
    NAMES,
    SERVICES,
    SOURCES,
    detail,
    keeps,
    listed,
    pair,
    said,
    service,
    work,
)
from tests.desk.duplicate_pages import sources as sources  # a fixture
from tests.support.people.callers import agency_id
from tests.support.people.coordinator_lists import (
    NO_ONE_ELSE,
    answered_to_the_end,
    assert_begins_at_wrong_places,
)
from tests.support.people.desk_pages import as_app, at_the_desk, rows, text_of

BOTH = {(source, number) for source in SOURCES for number in range(len(NAMES))}

# -- The way of an answer --------------------------------------------------------------------------


def test_one_of_two_is_listed_and_the_other_leads_to_it_until_it_is_taken_back(
    api, sources, superuser
):
    pages = at_the_desk(COORDINATOR)
    assert 'href="/desk/duplicates"' in pages.get("/desk/uncovered").content.decode()
    before = rows(superuser, AccessEntry)
    bytes_before = api(None).get(f"{SERVICES}/{service('state')}").content
    shown = text_of(pages.get("/desk/duplicates").content)
    for words in (
        f"{NAMES[0]} (county)",
        "Alike: same phone number, similar name, same street, same ZIP code",
        "+1 (416) 555-0100",
        "12 Invented Rd",
        "Only one says it",
        "The same",
        "Different",
    ):
        assert words in shown, words

    assert "Saved." in text_of(said(pages, keeps("test")).content)
    assert listed(api) == BOTH, "no request waits for it"
    assert text_of(pages.get("/desk/duplicates").content).count("The same: show the first") == 2
    assert "being updated" in text_of(pages.get("/desk/duplicates?show=same").content)
    work(APPLIES)
    assert listed(api) == BOTH - {("state", 0)}
    hidden = detail(api, "state")
    assert (hidden["status"], hidden["replaced_by"]) == ("inactive", str(service("test")))
    shown_one = detail(api, "test")
    assert "replaced_by" not in shown_one
    assert str(service("state")) not in str(shown_one)
    for path, link in (("/directory", "/directory"), ("/desk/directory", "/desk/directory")):
        page = pages.get(f"{path}/{service('state')}").content.decode()
        assert f'href="{link}/{service("test")}"' in page
        assert "no longer found" in text_of(page.encode())
    assert "no longer found" not in text_of(pages.get(f"/directory/{service('test')}").content)
    answered = text_of(pages.get("/desk/duplicates?show=same").content)
    assert "one is listed." in answered
    assert "being updated" not in answered
    row = pair()
    assert row.answered_by
    assert row.answered_at
    assert rows(superuser, AccessEntry) == before
    assert listed(api, "police.worker") == BOTH - {("state", 0)}

    said(pages, "undo", show="?show=same")
    work(APPLIES)
    assert listed(api) == BOTH
    assert api(None).get(f"{SERVICES}/{service('state')}").content == bytes_before
    work(FINDS)
    assert text_of(pages.get("/desk/duplicates").content).count("The same: show the first") == 3


def test_not_the_same_takes_a_pair_off_the_list_and_changes_no_entry(api, sources):
    pages = at_the_desk(COORDINATOR)
    said(pages, "different")
    assert (pair().answer, pair().due) == ("different", False)
    work(FINDS, APPLIES)
    assert listed(api) == BOTH
    assert f"{NAMES[0]} (county)" not in text_of(pages.get("/desk/duplicates").content)
    shown = pages.get("/desk/duplicates", {"show": "different"}).content
    assert f"{NAMES[0]} (county)" in text_of(shown)
    said(pages, "undo", show="?show=different")
    assert f"{NAMES[0]} (county)" in text_of(pages.get("/desk/duplicates").content)


def test_what_an_agency_of_the_network_answers_is_never_the_one_that_is_hidden(api, sources):
    keepers = id_of("state", "organization", "0")
    bind_organization(keepers, agency_id("ywca"))
    pages, there = at_the_desk(COORDINATOR, csrf=False), pair()
    page = pages.get("/desk/duplicates").content.decode()
    offered = [what for what in ("first", "second") if f"{there.id}/{what}" in page]
    assert offered == [keeps("state")]
    (refused,) = {"first", "second"} - set(offered)
    answer = pages.http.post(f"/desk/duplicates/{there.id}/{refused}", {"seen": "0"}, follow=True)
    assert "Nothing was saved." in text_of(answer.content)
    assert pair().answer == ""
    said(pages, keeps("state"))
    work(APPLIES)
    assert listed(api) == BOTH - {("test", 0)}
    bind_organization(keepers, None)


def test_a_list_without_pairs_says_so(network):
    pages = at_the_desk(COORDINATOR)
    assert "No pair waits for an answer." in text_of(pages.get("/desk/duplicates").content)
    for show in ("same", "different"):
        shown = text_of(pages.get("/desk/duplicates", {"show": show}).content)
        assert "No pair has this answer." in shown


def test_the_list_goes_on_where_it_was_and_none_is_passed_over(sources):
    kept = m.Duplicate.objects.using("jobs")
    kept.all().delete()
    ids = sorted(
        m.PublicListing.objects.using("jobs")
        .filter(status="active")
        .values_list("id", flat=True)[:9]
    )
    every = [(one, other) for one in ids for other in ids if one < other]
    kept.bulk_create(
        m.Duplicate(first_id=one, second_id=other, score=(n // 4) / 10, reasons=["same_phone"])
        for n, (one, other) in enumerate(every)
    )
    pages, path = at_the_desk(COORDINATOR), "/desk/duplicates"
    seen = answered_to_the_end(pages, path, "different")
    assert len(seen) == len(set(seen)) == len(every) == 36
    scores = dict(kept.values_list("id", "score"))
    assert [scores[UUID(one)] for one in seen] == sorted(scores.values(), reverse=True)
    wrong = ("x", "1.x", "9" * 30, f"0.5.{'-' * 36}", f"2.5.{UUID(int=1)}", "².5." + "0" * 36)
    assert_begins_at_wrong_places(pages, path, wrong, "Same or not")


# -- Who may, and what is refused ------------------------------------------------------------------


@pytest.mark.parametrize("who", NO_ONE_ELSE)
def test_no_one_else_reads_or_answers(who, sources):
    desk = at_the_desk(who, csrf=False)
    assert 'href="/desk/duplicates"' not in desk.get("/desk/account").content.decode()
    assert desk.get("/desk/duplicates").status_code == 403
    for what in ("first", "second", "different", "undo"):
        answer = desk.http.post(f"/desk/duplicates/{pair().id}/{what}", {"seen": "0"})
        assert answer.status_code == 403
    caller = desk.principal
    with identified_transaction(caller):
        assert as_app("SELECT count(*) FROM sec.duplicates('', NULL, NULL, NULL, 9)") == [(0,)]
        one = f"'{pair().id}'"
        assert as_app(f"SELECT count(*) FROM sec.duplicates('', NULL, NULL, {one}, 9)") == [(0,)]
        sql = f"SELECT sec.answer_duplicate({one}, 0, 'different', NULL)"
        assert as_app(sql) == [("hidden",)]
    assert pair().answer == ""


def test_a_system_and_the_servers_role_read_nothing(api, sources):
    client = resolve_credential(api("ywca.client").secret)
    assert client
    for ask in (
        lambda: answers.listed(client, ""),
        lambda: answers.find(client, pair().id),
        lambda: answers.answer(client, pair().id, 0, "different"),
    ):
        with pytest.raises(NotPermitted):
            ask()
    for sql in (
        "SELECT * FROM directory_duplicate",
        "SELECT * FROM directory_duplicate_scan",
        "UPDATE directory_duplicate SET answer = 'different'",
        "DELETE FROM directory_duplicate",
        "SELECT sec.may_merge_entries()",
        f"SELECT sec.duplicate_side('{service('test')}')",
    ):
        with pytest.raises(Exception, match="permission denied"):
            as_app(sql)


def test_what_is_no_pair_or_no_answer_is_refused(sources):
    desk = at_the_desk(COORDINATOR, csrf=False)
    for what in ("first", "different", "undo"):
        answer = desk.http.post(f"/desk/duplicates/{uuid4()}/{what}", {"seen": "0"})
        assert answer.status_code == 404
        assert desk.get(f"/desk/duplicates/{pair().id}/{what}").status_code == 302
    principal = desk.principal
    for said_so, kept in (("same", None), ("different", pair().first_id), ("perhaps", None)):
        with pytest.raises(BadRequest):
            answers.answer(principal, pair().id, 0, said_so, kept)
    with pytest.raises(StaleMatch):
        answers.answer(principal, pair().id, 0, "same", uuid4())
    with pytest.raises(NotVisible):
        answers.answer(principal, uuid4(), 0, "different")
    for seen in ("", "x", "-1", "9" * 30):
        url = f"/desk/duplicates/{pair().id}/different"
        answer = desk.http.post(url, {"seen": seen}, follow=True)
        assert "Nothing was saved." in text_of(answer.content)
    assert (pair().answer, pair().changes) == ("", 0)


def test_a_form_without_its_token_is_refused(sources):
    pages = at_the_desk(COORDINATOR)
    url = f"/desk/duplicates/{pair().id}/different"
    assert pages.http.post(url, {"seen": "0"}).status_code == 403
    assert pair().answer == ""


def test_three_hundred_answers_an_hour(sources, shift_clock):
    principal = at_the_desk(COORDINATOR).principal
    for _each in range(answers.OF_MEMBER.most):
        answers.answer(principal, pair().id, 0, "different")  # the same answer: it counts, too
    with pytest.raises(TooOften):
        answers.answer(principal, pair(1).id, 0, "different")
    shift_clock("61 minutes")
    answers.answer(principal, pair(1).id, 0, "different")
    assert (pair().changes, pair(1).answer) == (1, "different")
