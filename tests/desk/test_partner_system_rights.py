"""Who may run an agency's partner systems, with how fresh a code, and what they are shown."""

import re
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from permissions.models import Client
from tests.support.people.callers import agency_id, member_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.own_systems import (
    NEW,
    SYSTEMS,
    added,
    form_of,
    log_of,
    pair,
    public,
)
from tests.support.people.own_systems import as_before as as_before  # a fixture

pytestmark = pytest.mark.usefixtures("as_before")


# -- Who may ---------------------------------------------------------------------------------------

PLACES = ("", "/keys", "/limits", "/end", "/return", f"/keys/{'A' * 43}/remove")


def test_another_agencys_system_is_one_that_never_was(superuser: Any) -> None:
    theirs = added(at_the_desk("police.admin"), pair())
    pages = at_the_desk("ywca.admin", csrf=False)
    given = {"origin": "anywhere", "quota": "5", "keys": public(pair())}

    def same(answers: list[Any], place: str) -> None:
        theirs_, none = answers
        assert theirs_.status_code == none.status_code == 404, place
        assert text_of(theirs_.content) == text_of(none.content), place

    for place in PLACES:
        both = [f"{SYSTEMS}/{id_}{place}" for id_ in (theirs.id, uuid4())]
        same([pages.get(path) for path in both], place)
        if place:
            same([pages.http.post(path, given) for path in both], place)
    kept = Client.objects.get(id=theirs.id)
    assert (kept.active, kept.openings_a_day) == (True, 100)
    assert kept.public_keys == theirs.public_keys
    assert [entry["act"] for entry in log_of(superuser, theirs)] == ["partner.add"]
    assert theirs.client_id not in pages.get(SYSTEMS).content.decode()


@pytest.mark.parametrize("who", ["worker", "lead", "editor", "auditor"])
def test_no_one_else_at_the_agency_may(who: str) -> None:
    system = added(at_the_desk("ywca.admin"), pair())
    pages = at_the_desk(f"ywca.{who}", csrf=False)
    for path in (SYSTEMS, NEW, *(f"{SYSTEMS}/{system.id}{place}" for place in PLACES)):
        assert pages.get(path).status_code == 403, path
        if path not in (SYSTEMS, f"{SYSTEMS}/{system.id}"):
            assert pages.http.post(path, form_of(pair())).status_code == 403, path
    assert "Partner systems" not in text_of(pages.get("/desk/directory").content)
    assert Client.objects.get(id=system.id).active


def test_a_form_of_another_site_changes_nothing() -> None:
    pages = at_the_desk("ywca.admin")
    system = added(pages, pair())
    for place in PLACES[1:]:
        assert pages.http.post(f"{SYSTEMS}/{system.id}{place}", {}).status_code == 403, place
    assert pages.http.post(NEW, form_of(pair(), name="Other", client_id="other")).status_code == 403
    assert Client.objects.get(id=system.id).active


# -- The second factor -----------------------------------------------------------------------------


def test_what_lets_a_system_in_needs_a_code_of_the_last_minutes(superuser: Any) -> None:
    system = added(at_the_desk("ywca.admin"), pair())
    one = f"{SYSTEMS}/{system.id}"
    pages = at_the_desk("ywca.admin", code_age_s=16 * 60)
    for path in (NEW, f"{one}/keys", f"{one}/return"):
        answer = pages.get(path)
        assert answer.status_code == 302, path
        assert answer["Location"].startswith("/accounts/confirm?"), path
        shown = text_of(pages.get(path, follow=True).content)
        assert "Confirm that it is you" in shown
    token = pages.hidden(f"{one}/end")
    anywhere = token | {"origin": "anywhere", "networks": "", "quota": "100"}
    for path, given in (
        (NEW, token | form_of(pair(), name="Other", client_id="other")),
        (f"{one}/keys", token | {"keys": public(pair())}),
        (f"{one}/limits", anywhere),
        (f"{one}/return", token),
    ):
        answer = pages.http.post(path, given)
        assert answer["Location"].startswith("/accounts/confirm?"), path
        assert "Nothing was changed." in text_of(pages.get(answer["Location"]).content)
    kept = Client.objects.get(id=system.id)
    assert (kept.networks, kept.public_keys) == (system.networks, system.public_keys)
    fewer = token | {"origin": "networks", "networks": "203.0.113.0/24", "quota": "3"}
    assert pages.http.post(f"{one}/limits", fewer)["Location"] == one, (
        "a lower limit waits for none"
    )
    assert Client.objects.get(id=system.id).openings_a_day == 3
    assert pages.http.post(f"{one}/end", token)["Location"] == one, "nor does an end"
    assert not Client.objects.get(id=system.id).active


# -- What the pages show ---------------------------------------------------------------------------


def test_what_bars_the_administrator_is_not_counted(story: Any, api: Any, superuser: Any) -> None:
    """Every number that the barred are shown is that of a network without the referral (R3)."""
    one = f"{SYSTEMS}/{Client.objects.get(agency_id=agency_id('ywca')).id}"
    pages = at_the_desk("ywca.admin")

    def opened_now() -> int:
        shown = re.search(r"(\d+) of at most", text_of(pages.get(one).content))
        assert shown
        return int(shown[1])

    before = opened_now()  # other tests of this day may have opened with this system
    story.accept().release("name").packet(name="Invented Person")
    acting = api("ywca.client", acting="ywca.worker")
    opened = acting.act(story.id, "open_packet", {"purpose": "intake"})
    assert opened.status_code == 200, opened.content
    assert opened_now() == before + 1
    barred = {"member_id": str(member_id("ywca.admin"))}
    assert api("ywca.lead").act(story.id, "block", barred).status_code == 200
    assert opened_now() == before


def test_these_pages_are_light() -> None:
    pages = at_the_desk("ywca.admin")
    system = added(pages, pair())
    for path in (SYSTEMS, f"{SYSTEMS}/{system.id}", NEW):
        with ExitStack() as stack:
            sent = [
                stack.enter_context(CaptureQueriesContext(connections[alias]))
                for alias in ("default", "signin")
            ]
            size = len(pages.get(path).content)
        asked = [one["sql"] for of_alias in sent for one in of_alias.captured_queries]
        work = [sql for sql in asked if not sql.startswith(("BEGIN", "COMMIT", "SAVEPOINT"))]
        assert len(work) <= 10, (path, work)
        assert size <= 60_000, path
