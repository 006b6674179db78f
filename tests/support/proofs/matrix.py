"""How each route that the process serves is asked by one of the cast."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings

from directory import vocabulary
from directory.demo import loader
from directory.importing.parsing import id_of
from tests.support.ground.database import phone_only_service
from tests.support.ground.http_client import HttpClient
from tests.support.ground.kept_rows import Kept
from tests.support.people.callers import Caller, agency_id
from tests.support.people.desk_pages import at_the_desk
from tests.support.people.exports import ASKED
from tests.support.people.fhir_bundles import bundle, subscription, without_sender
from tests.support.people.stories import PACKET, Story, release_body, return_body, service_of
from tests.support.proofs import routes
from tests.support.proofs.route_table import Row, W


class TryOut:
    """The referral that everybody tries."""

    def __init__(self, api: Any) -> None:
        self.api = api
        self.service, self.by_phone = service_of("ywca"), phone_only_service()
        self.begin()

    def begin(self) -> None:
        self.story = Story(self.api, self.service).accept().release(*PACKET).packet(**PACKET)

    def address(self, route: str) -> str:
        queries = {
            "desk/referrals/new": f"service={self.service}",
            "desk/calls/new": f"service={self.by_phone}",
            "desk/access-log/export": "format=csv",
            "v1/access-log/counts": "month=2026-01",
            "v1/access-log/listings": f"referral_id={self.story.id}",
        }
        path = routes.filled(
            route,
            referral_id=self.story.id,
            service_id=self.service,
            organization_id=str(id_of(loader.SOURCE, "organization", "shelter")),
            place_id=str(
                id_of(loader.SOURCE, "service_at_location", "shelter-advocacy-at-shelter-office")
            ),
            taxonomy_id=str(vocabulary.taxonomy_id("needs")),
            term_id=str(vocabulary.term_id("needs", "housing")),
            location_id=str(id_of(loader.SOURCE, "location", "shelter-office")),
            name="service",
        )
        return path + (f"?{queries[route]}" if route in queries else "")


@pytest.fixture
def try_out(api: Any) -> TryOut:
    return TryOut(api)


@pytest.fixture
def put_back(try_out: TryOut, superuser: Any) -> Iterator[Callable[[str, str, Any], None]]:
    """Undoes what one caller did to the referral, so that the next one tries it as it was."""
    kept = Kept(superuser)

    def undo(method: str, route: str, answer: Any) -> None:
        if method == "POST" and "referral_id" in route and answer.status_code in (200, 201, 302):
            kept.put_back()

    yield undo
    kept.forget()


def ask(caller: Caller, method: str, path: str, try_out: TryOut, route: str) -> Any:
    """What is put is what is read, so that it changes nothing; what is removed is not matched."""
    match method:
        case "GET":
            return caller.get(path)
        case "DELETE":
            return caller.delete(path)
        case "PUT" if route.endswith("confidential_address"):
            return caller.put(path, {"address_1": "1 Invented St", "city": "Missoula"})
        case "PUT":
            return caller.put(path, try_out.api("ywca.lead").get(path).json())
        case "PATCH":
            return caller.patch(path, {})
    return caller.post(path, body(try_out, route))


def acting_of(who: str) -> str | None:
    return who.replace("client", "worker") if who.endswith("client") else None


ELSEWHERE: dict[str, Any] = {
    "v1/agreement-tally": {},
    "v1/channels": {"kind": "sms", "address": "406-555-0174"},
    "v1/channels/<uuid:channel_id>/verify": {"code": "000000"},
    "v1/channels/<uuid:channel_id>/arrived": {"arrived": True},
    "v1/duty": {"duty": "reachable"},
    "v1/exports": ASKED,
    "fhir/Subscription": subscription("https://receiver.invalid/hook"),
    "v1/webhooks": {"url": "https://receiver.invalid/hook"},
    f"{W}/replay": {"event_id": routes.NOBODY},
    "v1/access-log/opt-ins": {
        "to_agency_id": str(agency_id("taskforce")),
        "ends_at": (datetime.now(UTC) + timedelta(days=7)).isoformat(),
    },
}


def body(try_out: TryOut, route: str) -> Any:
    """What is posted to a route; of no use to one that is only read."""
    if route == "v1/referrals":
        return routes.BODIES["put_notice"] | {"service_id": try_out.service}
    if route in ("fhir", "fhir/"):
        native = routes.BODIES["put_notice"] | {"service_id": try_out.service}
        return without_sender(bundle(native))
    if route == "v1/call-records":
        return {"service_id": try_out.by_phone, "outcome": "full", "put_through": False}
    if route in ELSEWHERE:
        return ELSEWHERE[route]
    act = route.rsplit("/", 1)[1]
    known = routes.READ_AS.get(act, act) in routes.BODIES
    return routes.body_for(route) if known else None


def browser(who: str) -> HttpClient:
    """Signed in, and with every form's token: what is tried here is who may."""
    if who == "none":
        return HttpClient()
    # Too long ago to change their own account, which they would.
    return at_the_desk(who, csrf=False, code_age_s=settings.FRESH_PROOF_S + 60).http


def form(try_out: TryOut, route: str) -> dict[str, Any]:
    act = route.rsplit("/", 1)[-1]
    if route == "desk/channels":
        return {"what": "duty", "which": "reachable"}
    if route.endswith("/slip"):
        return {"asked": "on", "word": "an invented word", "again": "an invented word"}
    if route == "desk/on-call":
        return {"what": "end_feed"}
    if route in ("desk/referrals/new", "desk/calls/new"):
        calls = route == "desk/calls/new"
        key = "01890000-0000-7000-8000-000000000001"
        common = {"key": key, "service": try_out.by_phone if calls else try_out.service}
        if calls:
            return common | {"outcome": "full", "put_through": "no"}
        asked = {"wanted": "call_worker", "agreement": "agrees", "draft": "1"}
        return common | dict(routes.BODIES["put_notice"]) | asked
    if act in ("put_release", "put_notice_release", "put_return_release"):
        returns = act == "put_return_release"
        release = return_body("connected") if returns else release_body("name")
        return {
            **{name: release[name] for name in ("basis", "purpose", "form", "attestations")},
            "fields_": release["fields"],
            "signed_at": f"{datetime.now(ZoneInfo('America/Denver')):%Y-%m-%dT%H:%M}",
            "lasts": "7",
            "consenters": ["self"],
            "adult": "on",
        }
    if act == "said_no":
        return {"service": try_out.service}
    if act == "account_disclosures":
        return dict(routes.BODIES[act]) | {"language": "en"}
    if act == "narrow_release":
        return {"fields_": ["name"], "ends": "as_it_is"}
    if act == "put_packet":
        return {"name": "Invented Person"}
    found = dict(routes.BODIES.get(routes.READ_AS.get(act, act)) or {})
    if act == "put_notice":
        found |= {"wanted": "call_worker"}
    if act in ("start_handoff", "record_attempt"):
        found |= {"read_first": "on"}
    if act in ("hand_over", "take_over"):
        found |= {"keep": "no"}
    if act in ("record_report", "record_disclosure"):
        found |= {"at": "2026-01-01T02:45"}
    if act == "same_person_as":
        found |= {"address": found.pop("referral_id")}
    once = ("add_note", "set_external_ref", "same_person_as")
    if act in once or act.startswith("record_"):
        found |= {"key": "01890000-0000-7000-8000-000000000002"}
    return found


def served() -> set[Row]:
    """What is served: a view that is a function is asked which methods it answers."""
    rows = set()
    for route, pattern in routes.served():
        methods = routes.methods_of(pattern)
        if not hasattr(pattern.callback, "view_class"):
            methods = {one for one in ("GET", "POST") if _answers(route, one)}
        rows |= {(method, route) for method in methods}
    return rows


def _answers(route: str, method: str) -> bool:
    answer = HttpClient().generic(method, routes.filled(route))
    answer.close()
    return bool(answer.status_code != 405)
