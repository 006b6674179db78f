"""Needs, whom it serves, what happened to them, and languages, in the form of a listing."""

from typing import Any

import pytest

from directory import models as m
from directory.vocabulary import term_id
from tests.desk.directory_pages import document_of, form_of
from tests.desk.directory_pages import entry as entry  # a fixture
from tests.desk.directory_pages import nothing_left as nothing_left  # a fixture
from tests.desk.making_pages import checked, send
from tests.support.people.desk_pages import Pages, at_the_desk, text_of


def terms(document: dict[str, Any]) -> set[str]:
    return {one["taxonomy_term"]["id"] for one in document.get("attributes", ())}


def ids(*keys: tuple[str, str]) -> set[str]:
    return {str(term_id(*key)) for key in keys}


def codes(document: dict[str, Any]) -> list[str]:
    return [one.get("code") for one in document.get("languages", ())]


@pytest.fixture
def path(entry: str) -> str:
    return f"/desk/entries/{entry}/edit"


def test_what_is_checked_is_found_by_and_what_is_unchecked_is_not(
    api: Any, entry: str, path: str
) -> None:
    editor = at_the_desk("ywca.editor")
    given = form_of(editor, path)
    assert given["languages_0"] == ["es"]
    assert given["victimization_0"] == ["stalking"]
    more = checked("needs", "counseling", "group") | checked("served", "men", "lgbtq")
    more |= {"languages_0": ["es", "ase"], "languages_1": ["so"]}
    more |= {"victimization_0": ["domestic", "stalking"]}
    look = text_of(send(editor, given | more, "look", path).content)
    for words in ("What it helps with", "Counseling", "Men", "Somali", "American Sign Language"):
        assert words in look, words
    assert terms(document_of(api, entry)) == set(), "nothing is saved by looking"
    assert "Saved." in text_of(send(editor, given | more, "save", path).content)
    now = document_of(api, entry)
    wanted = ids(("needs", "counseling"), ("needs", "group"), ("served", "men"),
                 ("served", "lgbtq"))  # fmt: skip
    assert terms(now) == wanted
    assert codes(now) == ["es", "ase", "so"]
    assert now["victimization_types"] == ["stalking", "domestic"]
    name = now["name"]
    searches = ({"need": "counseling"}, {"served": "lgbtq"}, {"language": "so"},
                {"happened": "domestic"})  # fmt: skip
    for asked in searches:
        assert name in text_of(Pages().submit("/directory", asked).content), asked

    again = form_of(editor, path)
    for field in ("needs", "served", "languages", "victimization"):
        again = {key: one for key, one in again.items() if not key.startswith(f"{field}_")}
    again |= checked("needs", "group")
    assert "Saved." in text_of(send(editor, again, "save", path).content)
    now = document_of(api, entry)
    assert terms(now) == ids(("needs", "group"))
    assert (codes(now), now["victimization_types"]) == ([], [])
    for asked in searches:
        assert name not in text_of(Pages().submit("/directory", asked).content), asked


def test_what_the_checkboxes_do_not_know_stays_as_it_is(api: Any, entry: str, path: str) -> None:
    """A term of another taxonomy, an age, a narrower type, a language of another name."""
    service = m.Service.objects.using("jobs").get(id=entry)
    with_tag = api("ywca.editor")
    url = f"/v1/directory/services/{entry}"
    other = m.TaxonomyTerm.objects.using("jobs").create(
        id=term_id("of-a-test", "knitting"), name="Knitting circle of a test", code="K"
    )
    change = {
        "attributes": [
            {"taxonomy_term_id": str(other.id), "value": "Tuesdays"},
            {"taxonomy_term_id": str(term_id("served", "teenagers"))},
            {"taxonomy_term_id": str(term_id("needs", "group")), "label": "Circle"},
            {"taxonomy_term_id": str(term_id("victimization", "domestic"))},
        ],
        "victimization_types": ["sex_trafficking", "stalking"],
        "languages": [{"name": "Elvish of a test"}, {"name": "Spanish", "note": "Mornings"}],
    }
    try:
        etag = with_tag.get(url)["ETag"]
        made = with_tag.patch(url, change, If_Match=etag)
        assert made.status_code == 200, made.content
        before = document_of(api, entry)
        editor = at_the_desk("ywca.editor")
        given = form_of(editor, path)
        assert given["languages_0"] == ["es"], "by its name"
        assert sorted(given["victimization_0"]) == ["domestic", "stalking"]
        shown = text_of(editor.get(path).content)
        for kept in ("Knitting circle of a test", "Teenagers", "Sex trafficking", "Elvish"):
            assert kept in shown.partition("What it helps with")[2], kept
        untouched = send(editor, given, "save", path)
        assert "Nothing was changed." in text_of(untouched.content)
        assert document_of(api, entry) == before

        fewer = given | checked("needs", "counseling", "group") | {"victimization_0": ["stalking"]}
        send(editor, fewer, "save", path)
        now = document_of(api, entry)
        gone = ids(("victimization", "domestic"))
        kept = [one for one in before["attributes"] if one["taxonomy_term"]["id"] not in gone]
        assert now["attributes"][:3] == kept
        assert terms(now) - terms(before) == ids(("needs", "counseling"))
        assert now["languages"] == before["languages"]
        assert now["victimization_types"] == ["sex_trafficking", "stalking"]
    finally:
        m.Attribute.objects.using("jobs").filter(taxonomy_term_id=other.id).delete()
        other.delete(using="jobs")
    assert service.name == now["name"]


def test_english_is_assumed_until_another_language_is_chosen(
    api: Any, entry: str, path: str
) -> None:
    url, caller = f"/v1/directory/services/{entry}", api("ywca.editor")
    caller.patch(url, {"languages": []}, If_Match=caller.get(url)["ETag"])
    editor = at_the_desk("ywca.editor")
    given = form_of(editor, path)
    assert given["languages_0"] == ["en"]
    assert "Nothing was changed." in text_of(send(editor, given, "save", path).content)
    send(editor, given | {"languages_0": ["en", "es"]}, "save", path)
    assert codes(document_of(api, entry)) == ["en", "es"], "English is not lost by adding Spanish"


def test_a_page_without_the_checkboxes_takes_none_of_them_away(
    api: Any, entry: str, path: str
) -> None:
    """One that was shown before an update."""
    editor = at_the_desk("ywca.editor")
    names = ("with_marks", "needs", "served", "languages", "victimization")
    old = {key: one for key, one in form_of(editor, path).items() if not key.startswith(names)}
    send(editor, old | {"wait_time": "A day"}, "save", path)
    now = document_of(api, entry)
    assert (now["wait_time"], codes(now), now["victimization_types"]) == (
        "A day", ["es"], ["stalking"],
    )  # fmt: skip


def test_a_code_that_there_is_not_is_refused_at_its_field(api: Any, entry: str, path: str) -> None:
    editor, before = at_the_desk("ywca.editor"), document_of(api, entry)
    for field in ("needs_0", "served_0", "languages_1", "victimization_0"):
        answer = send(editor, form_of(editor, path) | {field: ["nothing"]}, "save", path)
        page = answer.content.decode()
        at = page.index(f'id="field-{field}"')
        assert 'class="wrong"' in page[at : at + 600], field
        assert '<details class="more" open>' in page[max(0, at - 400) : at], field
    assert document_of(api, entry) == before
