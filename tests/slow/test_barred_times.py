"""Whether the time of an answer tells the barred that a referral exists (R3, R12).

`CAIRN_TIMED_REQUESTS`: how many requests a route and id, 3,000 if not given (two hours and more).
"""

import os
import random
import re
from collections.abc import Iterator
from contextlib import closing
from statistics import median
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest

from permissions.database.uuid7 import uuid7
from tests.support import routes
from tests.support.live_server import Server
from tests.support.seed import SEED
from tests.support.stories import PACKET, Story, service_of, to
from tests.support.timed_answers import TimedCaller, by_token, signed_in, without_collection
from tests.support.two_samples import holm, ks_p

REQUESTS = int(os.environ.get("CAIRN_TIMED_REQUESTS") or 3000)
ONLY = re.compile(os.environ.get("CAIRN_TIMED_ROUTES", ""))  # which of them; all if not given
WARM_UP = 20  # requests that are not counted: plans, caches, connections
LEAST_P = 0.01
BARRED = "ywca.worker2"


class Route(NamedTuple):
    """One method at one route. `path` has `{id}` for the referral, as the body may have."""

    method: str
    path: str
    body: bytes | None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


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
    barred_us: float
    random_us: float
    p: float
    control_p: float


def compared(caller: TimedCaller, route: Route, ids: dict[str, str]) -> Compared:
    """Ask for each id in turn, in an order by lot. The two random ids are as new as the referral's,
    so that nothing but whether they exist is different."""
    chance = random.Random(f"{SEED} {route}")
    times: dict[str, list[float]] = {name: [] for name in ids}
    said = None
    with without_collection():
        for round_ in range(WARM_UP + REQUESTS):
            for name in chance.sample(sorted(ids), len(ids)):
                one = ids[name]
                body = route.body and route.body.replace(b"{id}", one.encode())
                answer = caller.ask(route.method, routes.at(route.path, one), body)
                here = answer.said_of(one)
                said = said or here
                assert here == said, (route, name)
                if round_ >= WARM_UP:
                    times[name].append(answer.took)
    assert said is not None
    # 302: another page looks it up. 409: its body names another that the caller works on.
    assert said[0] in (302, 404, 405, 409), (route, said)
    first, second, third = (times[name] for name in ("barred", "random", "control"))
    return Compared(median(first), median(second), ks_p(first, second), ks_p(third, second))


def test_no_route_answers_a_barred_id_sooner_or_later_than_a_random_one(
    barred: str, own: str, server: Server, api: Any
) -> None:
    ids = {"barred": barred, "random": str(uuid7()), "control": str(uuid7())}
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
                found[str(route)] = one = compared(caller, route, ids)
            print(
                f"{one.barred_us:8.0f} {one.random_us:8.0f}"
                f" {one.p:8.5f} {one.control_p:8.5f}  {route}",
                flush=True,
            )
    corrected = holm({name: one.p for name, one in found.items()})
    control = holm({name: one.control_p for name, one in found.items()})
    print(
        f"{len(found)} routes, {REQUESTS:,} requests each; least corrected p"
        f" {min(corrected.values()):.5f}, of the control {min(control.values()):.5f}"
    )
    assert {name for name, p in control.items() if p < LEAST_P} == set(), "measure it again"
    assert {name for name, p in corrected.items() if p < LEAST_P} == set()
