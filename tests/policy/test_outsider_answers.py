"""What you may not see does not exist (R3): the answer for a real referral is that for a random id.

Every route that names a referral, as the resolver knows them, for callers of an agency that has no
part in it: same status, same headers, same body.
"""

import re
from typing import Any
from uuid import uuid4

import pytest

from tests.support.people.desk_pages import at_the_desk
from tests.support.people.stories import PACKET, Story
from tests.support.proofs import routes
from tests.support.proofs.routes import ask, everything

OUTSIDERS = (
    ("outsider.worker", None),
    ("outsider.lead", None),
    ("outsider.client", "outsider.worker"),
    ("outsider.client", None),
)


def stages(story: Story) -> Any:
    """The referral's life, stage by stage, from draft to completed."""
    story.create()
    yield "draft"
    story.send()
    yield "sent"
    story.accept().release().packet(**PACKET)
    yield "accepted, with a packet"
    story.answers("start_handoff", {"mode": "phone"}).answers("complete", {"outcome": "connected"})
    yield "completed"


def test_every_route_answers_an_outsider_as_for_a_random_id(story: Story, api: Any) -> None:
    callers = [api(who, acting) for who, acting in OUTSIDERS]
    random = [everything(caller, uuid4()) for caller in callers]
    for answers in random:
        assert {status for status, *_ in answers.values()} == {404}
    for stage in stages(story):
        for (who, acting), caller, expected in zip(OUTSIDERS, callers, random, strict=True):
            assert everything(caller, story.id) == expected, (stage, who, acting)


def test_every_page_shows_an_outsider_what_it_shows_for_a_random_id(story: Story) -> None:
    story.accept().release().packet(**PACKET)
    http = at_the_desk("outsider.worker", csrf=False).http

    def page(method: str, route: str, referral_id: Any) -> Any:
        answer = http.generic(method, routes.at(route, referral_id))
        text = answer.content.decode().replace(str(referral_id), "{id}")
        text = re.sub(r'(name="csrfmiddlewaretoken" value=")[^"]+', r"\1", text)
        return answer.status_code, answer.get("Location", "").replace(str(referral_id), ""), text

    pages = [
        "/" + route.replace("<uuid:referral_id>", "{id}")
        for route, _ in routes.served()
        if route.startswith("desk/") and "<uuid:referral_id>" in route
    ]
    assert len(pages) > 15
    for route in pages:
        for method in ("GET", "POST"):
            real = page(method, route, story.id)
            assert real == page(method, route, uuid4()), (method, route)
            assert real[0] in (302, 404, 405), (method, route)


def test_methods_that_no_route_serves_tell_an_outsider_nothing_either(
    story: Story, api: Any
) -> None:
    story.accept().release().packet(**PACKET)
    caller = api("outsider.worker")
    for route, methods in routes.of_one_referral():
        for method in set(routes.METHODS) - methods:
            real = ask(caller, method, routes.at(route, story.id), {})
            assert real == ask(caller, method, routes.at(route, uuid4()), {}), (method, route)
            assert real[0] in (404, 405), (method, route)


@pytest.mark.parametrize("body", [{"nonsense": 1}, [], "text", {"purpose": 7, "code": None}])
def test_a_malformed_body_is_told_before_the_referral_is_looked_for(
    story: Story, api: Any, body: Any
) -> None:
    story.accept().release().packet(**PACKET)
    caller = api("outsider.worker")
    for route, methods in routes.of_one_referral():
        for method in methods - {"GET"}:
            real = ask(caller, method, routes.at(route, story.id), body)
            assert real == ask(caller, method, routes.at(route, uuid4()), body), route
            assert real[0] == 400, route


def test_an_unknown_query_parameter_is_refused_before_the_referral_is_looked_for(
    story: Story, api: Any
) -> None:
    story.send()
    for who in ("outsider.worker", "police.worker"):
        for referral_id in (story.id, uuid4()):
            answer = api(who).get(f"/v1/referrals/{referral_id}", {"expand": "packet"})
            assert answer.status_code == 400


def test_lists_are_to_an_outsider_as_if_nothing_had_been_referred(story: Story, api: Any) -> None:
    paths = ("/v1/referrals", "/v1/referrals?box=in&needs_answer=true", "/v1/call-records")
    callers = [api(who, acting) for who, acting in OUTSIDERS]
    before = [[ask(caller, "GET", path) for path in paths] for caller in callers]
    assert before[0][0][2] == b'{"items":[],"next":null}'
    for stage in stages(story):
        after = [[ask(caller, "GET", path) for path in paths] for caller in callers]
        assert after == before, stage


def test_a_colleague_sees_the_notice_and_is_refused_the_packet_and_the_notes(
    story: Story, api: Any
) -> None:
    story.accept().release().packet(**PACKET).answers("add_note", {"text": "an invented note"})
    for who in ("police.worker2", "ywca.worker2", "police.lead", "ywca.lead"):
        caller = api(who)
        assert caller.get(f"/v1/referrals/{story.id}").status_code == 200, who
        for act in ("open_packet", "open_notes"):
            answer = caller.act(story.id, act, {"purpose": "intake"})
            assert answer.status_code == 403, (who, act)
            assert answer.json()["code"] == "not_assigned"
            assert PACKET["name"] not in answer.content.decode()
