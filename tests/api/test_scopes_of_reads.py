"""A system whose token lacks the scope of a list or a read is refused, whatever there is to see."""

import re
from typing import Any
from uuid import uuid4

import pytest

from api.accounts.oauth import SCOPES
from tests.support.ground.repository import contract
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import member_id, scoped
from tests.support.people.desk_pages import at_the_desk
from tests.support.people.stories import PACKET, Story, bar
from tests.support.proofs import routes

READS, EVENTS, HOOKS, REVIEWS = "referrals:read", "events:read", "webhooks:write", "audit:read"
EDITS = "directory:write"
ANY = tuple(SCOPES)  # every live token
NO_SYSTEM = ()  # refused to every system: a member's own, or read in person only
R, W = "v1/referrals/<uuid:referral_id>", "v1/webhooks/<uuid:webhook_id>"
DIRECTORY = "v1/directory"

# Every route that is read, and the scopes of which a token needs one.
NEEDS: dict[str, tuple[str, ...]] = {
    "v1/me": ANY,
    "v1/members": (READS,),
    "v1/referrals": (READS,),
    R: (READS,),
    f"{R}/history": (READS,),
    f"{R}/releases": (READS,),
    f"{R}/returned": (READS,),
    "v1/call-records": (READS,),
    "v1/mistakes": (READS,),
    "v1/rights-counts": (READS,),
    "v1/reports": ("reports:read",),
    "v1/barred-attempts": (READS,),
    "v1/self-assignments": (READS, REVIEWS),
    "v1/block-alerts": NO_SYSTEM,
    "v1/channels": NO_SYSTEM,
    "v1/messages": NO_SYSTEM,
    "v1/events": (EVENTS,),
    "v1/events/<uuid:event_id>": (EVENTS,),
    "v1/exports": (READS,),
    "v1/exports/<uuid:export_id>": (READS,),
    "v1/exports/<uuid:export_id>/parts/<int:number>": (READS,),
    "v1/webhooks": (HOOKS,),
    W: (HOOKS,),
    f"{W}/deliveries": (HOOKS,),
    "v1/access-log": (REVIEWS,),
    "v1/access-log/export": (REVIEWS,),
    "v1/access-log/counts": (REVIEWS,),
    "v1/access-log/listings": (REVIEWS,),
    "v1/access-log/opt-ins": (REVIEWS,),
    "v1/access-log/seals": (REVIEWS,),
    "v1/access-log/checkpoints": (REVIEWS,),
    "v1/access-log/<uuid:entry_id>/proof": (REVIEWS,),
    "v1/access-log/<uuid:entry_id>/receipt": ANY,  # of the caller's own entries
    f"{DIRECTORY}/organizations/<uuid:organization_id>/history": (EDITS,),
    f"{DIRECTORY}/locations/<uuid:location_id>": (EDITS,),
    f"{DIRECTORY}/locations/<uuid:location_id>/confidential_address": NO_SYSTEM,
    f"{DIRECTORY}/reviews": (EDITS,),
    f"{DIRECTORY}/proposals": (EDITS,),
    # Public: no token is needed. `directory:read` adds confidential entries.
    **dict.fromkeys(
        (
            *("v1/codes", "v1/referrals/transitions", "v1/access-log/keys"),
            "v1/access-log/verifier.py",
            DIRECTORY,
            *(f"{DIRECTORY}/{one}" for one in ("changes", "profile", "profile/<slug:name>.json")),
            f"{DIRECTORY}/schema/<slug:name>.json",
            *(f"{DIRECTORY}/services", f"{DIRECTORY}/services/<uuid:service_id>"),
            *(f"{DIRECTORY}/organizations", f"{DIRECTORY}/organizations/<uuid:organization_id>"),
            f"{DIRECTORY}/service_at_locations",
            f"{DIRECTORY}/service_at_locations/<uuid:place_id>",
            *(f"{DIRECTORY}/taxonomies", f"{DIRECTORY}/taxonomies/<uuid:taxonomy_id>"),
            *(f"{DIRECTORY}/taxonomy_terms", f"{DIRECTORY}/taxonomy_terms/<uuid:term_id>"),
        ),
        ANY,
    ),
}
QUERIES = {
    "v1/access-log/counts": {"month": "2026-01"},
    "v1/access-log/listings": {"referral_id": routes.NOWHERE},
}


def ask(caller: Any, route: str, **known: str) -> Any:
    answer = caller.get("/" + routes.filled(route, **known).lstrip("/"), QUERIES.get(route))
    if answer.streaming:
        answer.close()
    return answer


def code_of(answer: Any) -> str:
    plain = answer["Content-Type"] == "application/problem+json"
    return str(answer.json()["code"]) if plain else ""


def test_every_route_that_is_read_is_in_the_table(network: Any) -> None:
    read = {
        route
        for route, pattern in routes.served()
        if route.startswith("v1/") and "GET" in routes.methods_of(pattern)
    }
    assert read == set(NEEDS)


@pytest.mark.no_database
def test_the_contract_says_the_same() -> None:
    for route, needed in NEEDS.items():
        path = "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", route)
        security = contract()["paths"][path]["get"]["security"]
        tokens = [one["token"] for one in security if "token" in one]
        if needed == ANY:
            assert {} in security or tokens == [[]], route
        else:
            assert {} not in security
            assert sorted(tokens) == [[one] for one in sorted(needed)], route


@pytest.mark.parametrize("acting", [None, "ywca.lead"])
@pytest.mark.parametrize("scope", list(SCOPES))
def test_each_scope_reads_its_own_routes_and_no_other(
    api: Any, scope: str, acting: str | None
) -> None:
    caller = scoped(api, scope, acting=acting)
    for route, needed in NEEDS.items():
        answer = ask(caller, route)
        if scope in needed:
            assert code_of(answer) != "scope_missing", route
        elif needed == NO_SYSTEM:
            assert answer.status_code in (403, 404), route
        else:
            assert (answer.status_code, code_of(answer)) == (403, "scope_missing"), route
            assert needed[0] in answer.json()["detail"], route


def test_the_refusal_is_the_same_whatever_there_is(story: Story, api: Any, superuser: Any) -> None:
    """One of their own; one that bars whom the system names; another agency's; and none."""
    story.accept().release(*PACKET).packet(**PACKET)
    barring = Story(api, story.service_id).accept()
    bar(api, "ywca.worker", barring, "ywca.worker2")
    others = Story(api, story.service_id, sender="hospital.worker").create()
    caller = scoped(api, "events:read", "referrals:write", acting="ywca.worker2")
    for tail in ("", "/history", "/releases", "/returned"):
        answers = [
            caller.get(f"/v1/referrals/{one}{tail}")
            for one in (story.id, barring.id, others.id, uuid4())
        ]
        assert {one.status_code for one in answers} == {403}
        assert len({one.content for one in answers}) == 1
        assert len({str(sorted(set(one.headers))) for one in answers}) == 1
        for one in answers:
            entry = "SELECT decision, rule FROM access_entry WHERE request_id = %s"
            found = rows(superuser, entry, [one["X-Request-Id"]])
            assert found == [("refused", "scope_missing")]
        superuser.rollback()


def test_a_refused_list_is_an_entry_of_its_own_act(api: Any, superuser: Any) -> None:
    caller = scoped(api, "directory:read", acting="ywca.worker")
    for path, act in (("/v1/referrals", "referral.list"), ("/v1/members", "members.read")):
        answer = caller.get(path)
        found = rows(
            superuser,
            "SELECT act, decision, rule, member_id::text FROM access_entry WHERE request_id = %s",
            [answer["X-Request-Id"]],
        )
        superuser.rollback()
        assert found == [(act, "refused", "scope_missing", str(member_id("ywca.worker")))]


def test_a_person_needs_no_scope(api: Any) -> None:
    """At the desk and over the API their roles decide, as before."""
    for who in ("ywca.worker", "ywca.lead", "ywca.admin", "ywca.auditor", "taskforce.coordinator"):
        caller = api(who)
        for route in NEEDS:
            assert code_of(ask(caller, route)) != "scope_missing", (who, route)
    for who, path in (
        ("ywca.worker", "/desk/"),
        ("ywca.worker", "/desk/calls"),
        ("ywca.lead", "/desk/mistakes"),
        ("ywca.lead", "/desk/proposals"),
        ("ywca.auditor", "/desk/access-log"),
        ("ywca.admin", "/desk/webhooks"),
    ):
        assert at_the_desk(who).get(path).status_code == 200, path
