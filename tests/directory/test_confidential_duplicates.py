"""Nothing of a confidential service is in a pair or in what its partner says (R4), also where an
editor hides their own entry; and what else an editor of one of the two does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from directory import models as m
from directory.duplicates import answers
from directory.importing.parsing import id_of
from directory.projection.render import render
from permissions.database.aliases import JOBS
from permissions.database.uuid7 import uuid7
from permissions.errors import NotVisible
from tests.desk.duplicate_pages import (
    APPLIES,
    COORDINATOR,
    FINDS,
    NAMES,
    SERVICES,
    detail,
    hide,
    listed,
    pair,
    service,
    tables,
    work,
)
from tests.desk.duplicate_pages import sources as sources  # a fixture
from tests.support.ground.database import forget_edits
from tests.support.ground.stale_projections import stale
from tests.support.people.callers import Caller
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.directory_entries import OURS
from tests.support.people.hsds_source import changed, take, write_tables

SECRET = {"confidential": True}


def test_a_pair_vanishes_as_soon_as_one_of_the_two_is_confidential(
    api: Any, sources: Any, tmp_path: Path
) -> None:
    m.Duplicate.objects.using(JOBS).filter(id=pair(1).id).update(answer="different")
    pages, there = at_the_desk(COORDINATOR), [pair(0), pair(1)]
    secret = tables(other=True)
    for number in (0, 1):
        secret = changed(secret, "services", number, name=f"Zzyzx {number}")
        secret["services"][number]["confidential"] = "yes"
    for row in secret["services"]:
        row.setdefault("confidential", "")
    take(write_tables(tmp_path / "state", secret), "state")
    desk = pages.principal
    for show in ("open", "same", "different"):
        shown = text_of(pages.get("/desk/duplicates", {"show": show}).content)
        for text in (NAMES[0], NAMES[1], "Zzyzx", "(416) 555-0100", "416-555-0101"):
            assert text not in shown, (show, text)
    for row in there:
        for ask in (
            lambda row=row: answers.find(desk, row.id),
            lambda row=row: answers.answer(desk, row.id, row.changes, "same", row.first_id),
        ):
            with pytest.raises(NotVisible):
                ask()
    work(FINDS)
    kept = m.Duplicate.objects.using(JOBS)
    assert not kept.filter(id=there[0].id).exists()
    answered = kept.get(id=there[1].id)
    assert (answered.answer, answered.reasons, answered.score) == ("different", [], 0)


@pytest.mark.parametrize("of", ["service", "organization"])
def test_the_partner_of_one_that_becomes_confidential_says_nothing_of_it(
    api: Any, sources: Any, of: str
) -> None:
    hide("state")
    shown = str(service("test"))
    copy = api(None).get("/v1/directory/changes", {"limit": "500"}).json()
    while copy["items"]:
        after = {"limit": "500", "after": copy["next"]}
        copy = api(None).get("/v1/directory/changes", after).json()
    model: Any = {"service": m.Service, "organization": m.Organization}[of]
    row = service("test") if of == "service" else id_of("test", "organization", "0")
    with transaction.atomic(using=JOBS):
        model.objects.using(JOBS).filter(id=row).update(**SECRET)
        render([service("test")], [id_of("test", "organization", "0")])
    for who in (None, "police.worker", "ywca.editor", COORDINATOR):
        hidden = detail(api, "state", who=who)
        assert hidden["status"] == "inactive", "or what was just hidden would be listed"
        assert "replaced_by" not in hidden
        assert shown not in str(hidden)
        assert ("state", 0) not in listed(api, who)
    page = at_the_desk(COORDINATOR).get(f"/directory/{service('state')}").content.decode()
    assert shown not in page
    assert "no longer found" not in page
    told = api(None).get("/v1/directory/changes", {"limit": "500", "after": copy["next"]}).json()
    lines = {(one["id"], one["action"]) for one in told["items"]}
    assert {(shown, "deleted"), (str(service("state")), "updated")} <= lines
    assert not m.PublicListing.objects.using(JOBS).filter(document__contains=shown).exists()
    assert not m.PublicPlace.objects.using(JOBS).filter(document__contains=shown).exists()
    with transaction.atomic(using=JOBS):
        model.objects.using(JOBS).filter(id=row).update(confidential=False)
        render([service("test")], [id_of("test", "organization", "0")])
    assert detail(api, "state")["replaced_by"] == shown


def test_one_that_is_hidden_and_becomes_confidential_is_the_networks_as_it_is(
    api: Any, sources: Any
) -> None:
    hide("state")
    with transaction.atomic(using=JOBS):
        m.Service.objects.using(JOBS).filter(id=service("state")).update(**SECRET)
        render([service("state")])
    assert api(None).get(f"{SERVICES}/{service('state')}").status_code == 404
    found = detail(api, "state", who="police.worker")
    assert (found["status"], "replaced_by" in found) == ("active", False)
    assert str(service("state")) not in str(detail(api, "test", who="police.worker"))
    work(FINDS, APPLIES)


# -- An agency's own entry -------------------------------------------------------------------------


@pytest.fixture
def ours(api: Any, sources: Any) -> Iterator[str]:
    """An agency's own entry that is the same as the second of the source; its address."""
    path = f"{SERVICES}/{uuid7()}"
    body = {
        "organization_id": str(OURS),
        "name": "Night line",
        "description": "Invented for a test.",
        "status": "active",
        "phones": [{"number": "416-555-0101"}],
    }
    made = api("ywca.editor").put(path, body)
    assert made.status_code == 201, made.content
    work(FINDS)
    yield path
    work(APPLIES)
    forget_edits()


def decide(path: str, *, kept: bool) -> None:
    """Say that the agency's entry and the source's are the same; `kept`: the agency's is listed."""
    ours_id = path.rsplit("/", 1)[1]
    theirs = str(service("test", 1))
    first, second = sorted((ours_id, theirs))
    rows = m.Duplicate.objects.using(JOBS).filter(first_id=first, second_id=second)
    assert rows.update(answer="same", kept_id=ours_id if kept else theirs, changes=1, due=True)
    work(APPLIES)


def undecide() -> None:
    m.Duplicate.objects.using(JOBS).filter(answer="same").update(answer="", kept_id=None, due=True)
    work(APPLIES)


def test_an_editor_of_the_listed_one_makes_it_confidential_and_the_other_says_nothing(
    api: Any, ours: str
) -> None:
    """The editor may not change the other one, whose link goes in the same transaction."""
    decide(ours, kept=True)
    path = f"{SERVICES}/{service('test', 1)}"
    assert api(None).get(path).json()["replaced_by"] == ours.rsplit("/", 1)[1]
    ywca: Caller = api("ywca.editor")
    assert ywca.patch(path, {"name": "Mine"}, If_Match="*").status_code == 403
    assert ywca.patch(ours, SECRET, If_Match="*").status_code == 200
    for who in (None, "police.worker"):
        hidden = api(who).get(path).json()
        assert (hidden["status"], "replaced_by" in hidden) == ("inactive", False)
    assert stale() == {}
    undecide()


def test_an_editor_who_closes_the_listed_one_brings_the_other_back(api: Any, ours: str) -> None:
    decide(ours, kept=True)
    assert ("test", 1) not in listed(api)
    ywca: Caller = api("ywca.editor")
    assert ywca.patch(ours, {"status": "defunct"}, If_Match="*").status_code == 200
    assert ("test", 1) in listed(api)
    undecide()


def test_an_editor_who_sends_the_document_back_has_not_closed_the_service(
    api: Any, ours: str
) -> None:
    before = api(None).get(ours).json()
    decide(ours, kept=False)
    ywca: Caller = api("ywca.editor")
    hidden = ywca.get(ours).json()
    assert (hidden["status"], hidden["replaced_by"]) == ("inactive", str(service("test", 1)))
    page = text_of(at_the_desk("ywca.editor").get(f"/desk/entries/{before['id']}").content)
    assert "another source lists the same service" in page
    sent = ywca.put(ours, hidden | {"description": "Changed."}, If_Match="*")
    assert sent.status_code == 200, sent.content
    again = ywca.patch(ours, {"description": "Invented for a test."}, If_Match="*")
    assert again.status_code == 200, again.content
    assert again.json()["status"] == "inactive"
    undecide()
    after = api(None).get(ours).json()
    assert after | {"last_modified": ""} == before | {"last_modified": ""}
    decide(ours, kept=False)
    assert ywca.patch(ours, {"status": "defunct"}, If_Match="*").json()["status"] == "defunct"
    undecide()
    assert api(None).get(ours).json()["status"] == "defunct"
