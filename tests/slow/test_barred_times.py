"""Whether the time of an answer tells the barred that a referral exists (R3, R12), or anyone that
what they name by its id is another agency's.

`CAIRN_TIMED_REQUESTS`: how many requests a route and id, 3,000 if not given (two hours and more).
"""

import os
import random
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from statistics import median
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import uuid4, uuid5

import pytest

from directory.demo import loader
from permissions.database.uuid7 import uuid7
from tests.support.ground.database import all_in_the_feed
from tests.support.ground.live_server import Server
from tests.support.ground.seed import SEED
from tests.support.ground.timed_answers import TimedCaller, by_token, signed_in, without_collection
from tests.support.ground.two_samples import holm, ks_p
from tests.support.people.callers import member_id, narrow
from tests.support.people.staff_numbers import Give
from tests.support.people.staff_numbers import give_number as give_number  # a fixture
from tests.support.people.stories import PACKET, Story, service_of, to
from tests.support.people.webhooks import receiver as receiver  # a fixture
from tests.support.proofs import routes
from tests.support.servers.webhook_receiver import Receiver
from tests.webhooks.endpoints import made

REQUESTS = int(os.environ.get("CAIRN_TIMED_REQUESTS") or 3000)
ONLY = re.compile(os.environ.get("CAIRN_TIMED_ROUTES", ""))  # which of them; all if not given
WARM_UP = 20  # requests that are not counted: plans, caches, connections
LEAST_P = 0.01
BARRED = "ywca.worker2"
CONFIDENTIAL = "shelter-confidential"  # of the demo's directory


class Route(NamedTuple):
    """One method at one route. `path` has `{id}` for the referral, as the body may have."""

    method: str
    path: str
    body: bytes | None
    headers: tuple[tuple[str, str], ...] = ()  # a value may have `{id}` as well

    def __str__(self) -> str:
        named = "".join(f", {name}: {text}" for name, text in self.headers)
        in_body = ", in its body" if self.body and b"{id}" in self.body else ""
        return f"{self.method} {self.path}{named}{in_body}"


def api_routes() -> Iterator[Route]:
    for path, methods in routes.of_one_referral():
        for method in sorted(methods):
            body = None if method == "GET" else routes.as_json(routes.body_for(path))
            yield Route(method, path, body)


def desk_routes() -> Iterator[Route]:
    """Each page is asked and posted to; a page of an act reads the referral before the form."""
    for route, _pattern in routes.served():
        if route.startswith("desk/") and "<uuid:referral_id>" in route:
            path = "/" + route.replace("<uuid:referral_id>", "{id}")
            yield Route("GET", path, None)
            yield Route("POST", path, urlencode({"purpose": "intake"}).encode())


def body_routes(own: str) -> Iterator[Route]:
    for path, body in routes.naming_one_in_the_body(own, service_of("sarc")):
        yield Route("POST", path, routes.as_json(body))


@pytest.fixture
def own(api: Any) -> str:
    """One that the barred works on, with an open packet."""
    return _worked_on(api, Story(api, service_of("ywca"))).id


@pytest.fixture
def barred(story: Story, api: Any) -> str:
    """The liveliest referral: accepted, with an open packet, that a member worked on until now."""
    return _worked_on(api, story).answers("block", to(BARRED)).id


def _worked_on(api: Any, story: Story) -> Story:
    story.accept().release(*PACKET).packet(**PACKET).answers("assign", to(BARRED))
    seen = api(BARRED).act(story.id, "open_packet", {"purpose": "intake"})
    assert seen.status_code == 200, seen.content
    return story


class Compared(NamedTuple):
    hidden_us: float
    random_us: float
    p: float
    control_p: float


def compared(
    caller: TimedCaller,
    route: Route,
    ids: dict[str, str],
    statuses: tuple[int, ...],
    between: Callable[[], None] = lambda: None,
) -> Compared:
    """Ask for each id in turn, in an order by lot. The two random ids are as new as the hidden one,
    so that nothing but whether it exists is different. `between`: now and then, behind a round."""
    chance = random.Random(f"{SEED} {route}")
    times: dict[str, list[float]] = {name: [] for name in ids}
    said = None
    with without_collection():
        for round_ in range(WARM_UP + REQUESTS):
            if round_ % 15 == 0:
                between()
            for name in chance.sample(sorted(ids), len(ids)):
                one = ids[name]
                body = route.body and route.body.replace(b"{id}", one.encode())
                more = {header: routes.at(text, one) for header, text in route.headers}
                answer = caller.ask(route.method, routes.at(route.path, one), body, more)
                here = answer.said_of(one)
                said = said or here
                assert here == said, (route, name)
                if round_ >= WARM_UP:
                    times[name].append(answer.took)
    assert said is not None
    assert said[0] in statuses, (route, said)
    first, second, third = (times[name] for name in ("hidden", "random", "control"))
    found = Compared(median(first), median(second), ks_p(first, second), ks_p(third, second))
    print(
        f"{found.hidden_us:8.0f} {found.random_us:8.0f}"
        f" {found.p:8.5f} {found.control_p:8.5f}  {route}",
        flush=True,
    )
    return found


def judge(found: dict[str, Compared]) -> None:
    corrected = holm({name: one.p for name, one in found.items()})
    control = holm({name: one.control_p for name, one in found.items()})
    print(
        f"{len(found)} routes, {REQUESTS:,} requests each; least corrected p"
        f" {min(corrected.values()):.5f}, of the control {min(control.values()):.5f}"
    )
    assert {name for name, p in control.items() if p < LEAST_P} == set(), "measure it again"
    assert {name for name, p in corrected.items() if p < LEAST_P} == set()


def test_no_route_answers_a_barred_id_sooner_or_later_than_a_random_one(
    barred: str, own: str, server: Server, api: Any
) -> None:
    ids = {"hidden": barred, "random": str(uuid7()), "control": str(uuid7())}
    found = {}
    faces = {"api": [*api_routes(), *body_routes(own)], "desk": list(desk_routes())}
    for face, asked in faces.items():
        for route in asked:
            if not ONLY.search(str(route)):
                continue
            base = server.base_url
            with closing(
                by_token(base, api(BARRED)) if face == "api" else signed_in(base, BARRED)
            ) as caller:
                # 302: another page looks it up. 409: its body names another that the caller
                # works on.
                found[str(route)] = compared(caller, route, ids, (302, 404, 405, 409))
    if found or not ONLY.pattern:
        judge(found)


# -- What is another agency's ----------------------------------------------------------------------


class Foreign(NamedTuple):
    """How something hidden is named by a route; `of`: who asks, with which scopes of a system."""

    route: Route
    of: Callable[[Any], Any]
    hidden: str
    random: Callable[[], str]
    status: int


NUMBERS = "CASE-{:010}"


def number() -> str:
    """A number as an agency's own systems write it."""
    return NUMBERS.format(random.randrange(10**10))


@pytest.fixture
def foreign(barred: str, api: Any, give_number: Give, receiver: Receiver) -> list[Foreign]:
    """What a system or a member may name since 0.1.0, each with what is hidden from them."""
    theirs, badge = number(), number()
    sent = api("police.worker").act(barred, "set_external_ref", {"ref": theirs})
    assert sent.status_code == 201, sent.content
    ours = number()
    kept = api("ywca.worker").act(barred, "set_external_ref", {"ref": ours})
    assert kept.status_code == 201, kept.content
    give_number("police.worker", badge)
    all_in_the_feed()
    events = api("ywca.worker").get("/v1/events", {"referral_id": barred}).json()["items"]
    event = next(one["id"] for one in events if one["act"] == "accept")

    def person(api: Any) -> Any:
        return api(BARRED)

    def system(api: Any) -> Any:
        return api("ywca.client", BARRED)

    def nobody(api: Any) -> Any:
        return api("ywca.client")

    def without_directory(api: Any) -> Any:
        return narrow(api, "police", "police.worker", "referrals:read", "referrals:write")

    def member() -> str:
        return str(uuid5(uuid4(), "a member"))

    def new_id() -> str:
        return str(uuid7())

    acting, staff = (("Acting-Member", "{id}"),), (("Acting-Member", "staff_ref:{id}"),)
    call = {"service_id": "{id}", "outcome": "no_answer", "put_through": False}
    officer, secret = str(member_id("police.worker")), str(loader.service_id(CONFIDENTIAL))
    found = [
        Foreign(Route("GET", "/v1/events/{id}", None), who, event, new_id, 404)
        for who in (person, system)
    ]
    found += [
        Foreign(Route("GET", "/v1/events?referral_id={id}", None), system, barred, new_id, 200),
        Foreign(Route("GET", "/v1/referrals?external_ref={id}", None), person, ours, number, 200),
        Foreign(Route("GET", "/v1/referrals?external_ref={id}", None), system, theirs, number, 200),
        Foreign(Route("GET", "/v1/members?staff_ref={id}", None), system, badge, number, 200),
        Foreign(
            Route("POST", "/v1/call-records", routes.as_json(call)),
            *(without_directory, secret, new_id, 409),
        ),
    ]
    replay = f"/v1/webhooks/{made(api, receiver)['id']}/replay"
    from_it = routes.as_json({"event_id": "{id}"})
    found.append(Foreign(Route("POST", replay, from_it), nobody, event, new_id, 409))
    released = api("ywca.worker").get(f"/v1/referrals/{barred}/releases").json()["items"][0]["id"]
    found += [
        Foreign(Route("GET", path, None), system, hidden, new_id, status)
        for path, hidden, status in (
            ("/fhir/Task?_id={id}", barred, 200),
            ("/fhir/ServiceRequest?_id={id}", barred, 200),
            ("/fhir/Consent?data=Task/{id}", barred, 404),
            ("/fhir/Consent/{id}", released, 404),
        )
    ]
    for path in ("/v1/me", "/v1/members", "/v1/call-records", "/v1/events"):
        found.append(Foreign(Route("GET", path, None, acting), nobody, officer, member, 403))
        found.append(Foreign(Route("GET", path, None, staff), nobody, badge, number, 403))
    return found


def test_no_new_route_answers_a_foreign_id_sooner_or_later_than_a_random_one(
    foreign: list[Foreign], server: Server, api: Any, superuser: Any
) -> None:
    def forget_limits() -> None:
        with superuser.cursor() as cursor:
            cursor.execute("DELETE FROM recent_count; DELETE FROM refusal_count")
        superuser.commit()

    found = {}
    for place, one in enumerate(foreign):
        if not ONLY.search(str(one.route)):
            continue
        ids = {"hidden": one.hidden, "random": one.random(), "control": one.random()}
        with closing(by_token(server.base_url, one.of(api))) as caller:
            found[f"{place} {one.route}"] = compared(
                caller, one.route, ids, (one.status,), forget_limits
            )
    if found or not ONLY.pattern:
        judge(found)
