"""The history of an own entry: each step of the own agency opens to before and after."""

from typing import Any

import pytest

from directory import models as m
from permissions import assignments
from permissions.database.uuid7 import uuid7
from tests.desk.directory_pages import OURS, document_of
from tests.desk.directory_pages import entry as entry  # a fixture
from tests.desk.directory_pages import nothing_left as nothing_left  # a fixture
from tests.directory.own_versions import kept, patched
from tests.support.people.callers import agency_id
from tests.support.people.desk_pages import at_the_desk, text_of

NEW = "By the river."


def path_of(entry: str) -> str:
    return f"/v1/directory/services/{entry}"


def last(entry: str) -> m.Edit:
    return m.Edit.objects.using("jobs").filter(row_id=entry).latest("id")


@pytest.fixture
def step(api: Any, entry: str) -> str:
    """The page of a step that changed a text, a number and a list."""
    patched(
        api("ywca.editor"),
        path_of(entry),
        description=NEW,
        phones=[{"number": "406-555-0179"}],
        capacities=[],
        wait_time=None,
    )
    return f"/desk/entries/{entry}/history/{last(entry).id}"


def test_a_step_opens_to_before_and_after_and_the_log_says_so(
    api: Any, superuser: Any, entry: str, step: str
) -> None:
    editor = at_the_desk("ywca.editor")
    listed = editor.get(f"/desk/entries/{entry}/history")
    assert f'href="{step}"' in listed.content.decode()
    assert NEW not in listed.content.decode(), "the list has no words of it"
    assert "kept for 365 days" in text_of(listed.content)
    shown = text_of(editor.get(step).content)
    for words in (
        "What it does Before Invented for a test. After By the river.",
        "406-555-0171 ext. 3 voice",
        "406-555-0179",
        "2 of 8 beds of a test free",
        "Waiting time Before An hour After nothing",
    ):
        assert words in shown, (words, shown)
    log = text_of(at_the_desk("ywca.auditor").get("/desk/access-log?act=directory.earlier").content)
    assert "Opened what an edit replaced or erased" in log
    assert NEW not in log


def test_put_back_is_looked_at_and_saved(api: Any, entry: str, step: str) -> None:
    editor = at_the_desk("ywca.editor")
    look = editor.submit(step)
    shown = text_of(look.content)
    assert "Review before you save" in shown
    assert "Call each new number before you save" in shown
    assert document_of(api, entry)["description"] == NEW, "nothing is saved by looking"
    hidden = {"etag": editor.hidden(step)["etag"], "save": "1"}
    done = editor.submit(step, hidden)
    assert "Saved. Everyone can see it now." in text_of(done.content)
    now = document_of(api, entry)
    assert (now["description"], now["wait_time"]) == ("Invented for a test.", "An hour")
    assert [one["number"] for one in now["phones"]] == ["406-555-0171", "233700", "406-555-0174"]
    assert now["capacities"][0]["available"] == 2
    assert "there is nothing to put back" in text_of(editor.get(step).content)
    again = editor.http.post(step, editor.hidden("/desk/entries", "/accounts/logout") | {
        "etag": api("ywca.editor").get(path_of(entry))["ETag"], "save": "1"
    }, follow=True)  # fmt: skip
    assert "Nothing was changed." in text_of(again.content), "twice"


def test_a_number_of_no_kind_is_put_back(api: Any, entry: str, step: str) -> None:
    patched(api("ywca.editor"), path_of(entry), phones=[])
    path = step.replace(step.rpartition("/")[2], str(last(entry).id))
    editor = at_the_desk("ywca.editor")
    look = editor.submit(path)
    assert look.status_code == 200
    assert 'href="tel:4065550179"' in look.content.decode()
    editor.submit(path, {"save": "1"})
    assert [one["number"] for one in document_of(api, entry)["phones"]] == ["406-555-0179"]


def test_what_another_editor_changed_meanwhile_is_not_overwritten(
    api: Any, entry: str, step: str
) -> None:
    editor = at_the_desk("ywca.editor")
    given = editor.hidden(step)
    patched(api("ywca.editor"), path_of(entry), description="Theirs")
    for more in ({}, {"save": "1"}):
        stale = editor.http.post(step, given | more)
        assert stale.status_code == 412
        assert "Another editor has changed this listing" in text_of(stale.content)
    assert document_of(api, entry)["description"] == "Theirs"


def test_another_agencys_step_shows_fields_only(api: Any, entry: str) -> None:
    about = m.Organization(id=OURS)
    assignments.allow_editing(about, agency_id("sarc"))
    try:
        patched(api("sarc.editor"), path_of(entry), description=NEW)
        editor, history = at_the_desk("ywca.editor"), f"/desk/entries/{entry}/history"
        shown = editor.get(history)
        assert "Another agency" in text_of(shown.content)
        assert str(last(entry).id) not in shown.content.decode()
        assert editor.get(f"{history}/{last(entry).id}").status_code == 404
    finally:
        assignments.end_editing(about, agency_id("sarc"))


def test_nothing_is_kept_of_a_confidential_entry_and_the_page_says_so(
    api: Any, superuser: Any, entry: str
) -> None:
    ywca, editor = api("ywca.editor"), at_the_desk("ywca.editor")
    patched(ywca, path_of(entry), confidential=True)
    patched(ywca, path_of(entry), description=NEW)
    assert kept(superuser) == []
    history = f"/desk/entries/{entry}/history"
    assert "Before and after" not in text_of(editor.get(history).content)
    shown = text_of(editor.get(f"{history}/{last(entry).id}").content)
    assert "The earlier text is not kept" in shown
    assert NEW not in shown
    assert editor.get(f"{history}/{uuid7()}").status_code == 404


def test_the_earlier_text_is_erased_after_a_question(
    api: Any, superuser: Any, entry: str, step: str
) -> None:
    editor, erase = at_the_desk("ywca.editor"), f"/desk/entries/{entry}/history/erase"
    assert f'href="{erase}"' in editor.get(f"/desk/entries/{entry}/history").content.decode()
    assert "Nothing of it can be put back." in text_of(editor.get(erase).content)
    assert len(kept(superuser)) == 1
    done = text_of(editor.submit(erase).content)
    assert "The earlier text is erased." in done
    assert "Before and after" not in done
    assert kept(superuser) == []
    assert "is not kept" in text_of(editor.get(step).content)


def test_it_is_opened_by_its_own_editors_alone(api: Any, entry: str, step: str) -> None:
    for who in ("ywca.worker", "ywca.auditor", "police.worker", "sarc.editor"):
        answer = at_the_desk(who).get(step)
        assert answer.status_code == 403, who
        assert "Invented for a test." not in answer.content.decode()
