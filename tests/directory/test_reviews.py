"""History, and what is due for review: GET …/history, /v1/directory/reviews, the command."""

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.db import connections, transaction

from directory.demo import loader
from directory.importing.parsing import id_of
from directory.models import Location, Service, ServiceAtLocation
from directory.models.projections import PublicListing, PublicOrganization
from directory.projection.reindex import hide_leftovers, refresh
from permissions.database.aliases import JOBS
from permissions.database.uuid7 import uuid7
from tests.support.ground.database import forget_edits
from tests.support.ground.stale_projections import stale
from tests.support.people import confidential_scene as hidden
from tests.support.people.callers import agency_id, member_id
from tests.support.people.confidential_scene import text_of

OURS = id_of(loader.SOURCE, "organization", "shelter")
HISTORY = f"/v1/directory/organizations/{OURS}/history"
REVIEWS = "/v1/directory/reviews"


@pytest.fixture(autouse=True)
def nothing_left(network: Any) -> Iterator[None]:
    forget_edits()  # nor anything of other files
    yield
    forget_edits()


def make(api: Any, name: str, assured: date | None = None, **more: Any) -> str:
    path = f"/v1/directory/services/{uuid7()}"
    body = {"organization_id": str(OURS), "name": name} | more
    if assured:
        body["assured_date"] = assured.isoformat()
    assert api("ywca.editor").put(path, body).status_code == 201
    return path


def test_the_history_is_paged_newest_first_and_says_who_changed_which_members(api: Any) -> None:
    path, ywca, client = make(api, "First"), api("ywca.editor"), api("ywca.client")
    for number in range(3):
        change = {"alert": f"never told {number}"}
        assert client.patch(path, change, If_Match=client.get(path)["ETag"]).status_code == 200
    found: list[dict[str, Any]] = []
    query = {"limit": "3"}
    while True:
        page = ywca.get(HISTORY, query).json()
        found += page["items"]
        if not page["next"]:
            break
        query["cursor"] = page["next"]
    assert [one["action"] for one in found] == ["updated"] * 3 + ["created"]
    assert [one["fields"] for one in found] == [["alert"]] * 3 + [["name"]]
    assert found[0]["member_id"] is None
    assert found[0]["client_id"]
    assert found[-1]["member_id"] == str(member_id("ywca.editor"))
    assert {one["agency_id"] for one in found} == {str(agency_id("ywca"))}
    assert "never told" not in str(found)


@pytest.mark.parametrize(
    ("who", "status"),
    [(None, 401), ("ywca.worker", 403), ("sarc.editor", 403), ("ywca.lead", 200)],
)
def test_the_history_is_read_by_the_organizations_editors(
    api: Any, who: str | None, status: int
) -> None:
    assert api(who).get(HISTORY).status_code == status
    other = f"/v1/directory/organizations/{uuid7()}/history"
    assert api(who).get(other).status_code == (401 if who is None else 404)


def test_a_cursor_is_of_its_list_and_its_caller(api: Any) -> None:
    make(api, "One")
    make(api, "Two")
    page = api("ywca.editor").get(HISTORY, {"limit": "1"}).json()
    assert len(page["items"]) == 1
    cursor = {"cursor": page["next"]}
    assert api("ywca.editor").get(HISTORY, cursor).status_code == 200
    assert api("ywca.lead").get(HISTORY, cursor).status_code == 400
    assert api("ywca.editor").get(REVIEWS, cursor).status_code == 400


def test_what_no_one_assured_for_long_is_due_the_longest_first(api: Any, settings: Any) -> None:
    settings.DIRECTORY_REVIEW_DAYS = 100
    today = date.today()
    never = make(api, "Never")
    old, older = (
        make(api, "Old", today - timedelta(110)),
        make(api, "Older", today - timedelta(400)),
    )
    make(api, "Fresh", today - timedelta(5))
    make(api, "Ended", status="defunct")
    ours = {path.rsplit("/", 1)[1]: path for path in (never, old, older)}

    caller = api("ywca.editor")

    def due(limit: str) -> list[str]:
        found: list[str] = []
        query = {"limit": limit}
        while True:
            page = caller.get(REVIEWS, query).json()
            found += [one["id"] for one in page["items"]]
            if not page["next"]:
                return found
            query["cursor"] = page["next"]

    everything = due("100")
    listed = [one for one in everything if one in ours]
    assert listed == [path.rsplit("/", 1)[1] for path in (never, older, old)]
    assert due("1") == everything


def test_the_date_is_set_and_it_is_due_no_longer(api: Any) -> None:
    path, ywca = make(api, "Never"), api("ywca.editor")
    row = path.rsplit("/", 1)[1]
    assert row in ywca.get(REVIEWS, {"limit": "100"}).content.decode()
    today = {"assured_date": f"{datetime.now(ZoneInfo('America/Denver')):%Y-%m-%d}"}
    assert ywca.patch(path, today, If_Match=ywca.get(path)["ETag"]).status_code == 200
    assert row not in ywca.get(REVIEWS, {"limit": "100"}).content.decode()
    assert api("sarc.editor").get(REVIEWS, {"limit": "100"}).status_code == 200
    assert api("ywca.worker").get(REVIEWS).status_code == 403
    assert api(None).get(REVIEWS).status_code == 401


def test_the_command_lists_them_for_all_agencies(api: Any) -> None:
    make(api, "Never looked at")
    out = io.StringIO()
    call_command("directory", "reviews", stdout=out)
    (line,) = [line for line in out.getvalue().splitlines() if "Never looked at" in line]
    assert line.startswith("never ")
    assert line.endswith(": Demo Women's Centre")


def test_the_command_says_so_where_none_is_due(shift_clock: Any) -> None:
    soon = datetime(2026, 12, 1, tzinfo=UTC) - datetime.now(UTC)  # the demo's: assured in November
    shift_clock(f"{int(soon.total_seconds())} seconds")
    out = io.StringIO()
    call_command("directory", "reviews", stdout=out)
    assert out.getvalue() == "No service is due for review.\n"


# -- Everything made again -------------------------------------------------------------------------


def test_everything_is_made_again_when_an_operator_says_so() -> None:
    call_command("directory", "refresh", "--all", stdout=io.StringIO(), stderr=io.StringIO())
    assert stale() == {}, "nor is anything of other files'"
    for model in (PublicListing, PublicOrganization):
        rows = model.objects.using(JOBS).order_by("id")[:1]
        assert model.objects.using(JOBS).filter(id__in=rows).update(document="{}") == 1
    assert len(stale()) == 2
    told, out = io.StringIO(), io.StringIO()
    call_command("directory", "refresh", "--all", stdout=out, stderr=told)
    assert stale() == {}
    services = Service.objects.using(JOBS).count()
    assert out.getvalue() == f"The documents of {services} services were made again.\n"
    assert f"services: {services} of {services}" in told.getvalue()
    assert "organizations: " in told.getvalue()


# -- What still tells of something hidden ----------------------------------------------------------


@pytest.fixture
def scene() -> Iterator[hidden.Scene]:
    found = hidden.Scene("place")
    try:
        yield found.set()
    finally:
        found.clear()


def test_the_night_finds_a_hidden_place_wherever_it_belongs_by_now(
    scene: hidden.Scene, api: Any
) -> None:
    """Its former organization and the services that have left it: no row leads there any longer."""
    nobody = api(None)
    shown = [f"/v1/directory/organizations/{scene.ids['home']}"]
    shown += [f"/v1/directory/services/{scene.ids[one]}" for one in ("refuge", "counsel")]
    with transaction.atomic(using=JOBS):  # written past all that renders
        ServiceAtLocation.objects.using(JOBS).filter(location_id=scene.ids["den"]).delete()
        den = Location.objects.using(JOBS).filter(id=scene.ids["den"])
        neighbour = scene.ids["neighbour"]
        den.update(organization_id=neighbour, part_of_id=neighbour)
        nowhere = dict.fromkeys(("url", "transportation", "external_identifier"), "")
        den.update(confidential=True, latitude=None, longitude=None, **nowhere)
    assert all("quennelby" in text_of(nobody.get(path)) for path in shown)
    refresh(lambda *_: None)
    assert [path for path in shown if "quennelby" in text_of(nobody.get(path))] == []
    assert stale(hidden.SOURCE) == {}
    with connections[JOBS].cursor() as cursor:
        cursor.execute("SELECT max(seq) FROM directory_change")
        before = cursor.fetchone()
        hide_leftovers()  # nothing is left to withhold
        cursor.execute("SELECT max(seq) FROM directory_change")
        assert cursor.fetchone() == before
