"""Every route that the app really serves, read from the resolver, and a right body for each act.

A test that must miss no route asks here, so that a new one is covered the day it is added.
"""

import itertools
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.urls import URLPattern, URLResolver, get_resolver

from tests.support.ground.repository import contract
from tests.support.people.callers import Caller
from tests.support.people.stories import release_body, return_body

OWN_TO_EACH_ANSWER = {"X-Request-Id", "Date"}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
FACES = ("v1/", "fhir")  # what programs ask, with a token; the rest are pages
NOBODY = "01890000-0000-7000-8000-00000000000b"  # is nowhere a member

# What a caller sends who means it. Every act on a referral stands here; a test says so.
BODIES: dict[str, Any] = {
    "put_notice": {"urgency": "urgent", "needs": ["shelter"], "callback": "406-555-0111"},
    "put_notice_release": None,  # its times must be fresh
    "put_release": None,  # its times must be fresh: people.stories.release_body
    "put_packet": {"packet": {"name": "Invented Person"}},
    "send": {"agreement": "agrees"},
    "acknowledge": {},
    "accept": {},
    "undo_accept": {},
    "decline": {"code": "no_capacity"},
    "call_me": {},
    "called_back": {},
    "set_callback": {"callback": "406-555-0177"},
    "start_handoff": {"mode": "phone"},
    "handoff_failed": {},
    "mark_error": {"code": "wrong_recipient"},
    "record_attempt": {"result": "not_connected", "interpreter": "phone"},
    "set_external_ref": {"ref": "an invented number"},
    "set_plan": {"services": []},
    "same_person_as": {"referral_id": NOBODY},
    "delivered": {},
    "complete": {"outcome": "connected"},
    "unable": {"code": "could_not_contact"},
    "withdraw": {"code": "other"},
    "revoke_release": {"via": "oral"},
    "narrow_release": {"fields": ["name"]},
    "put_return_release": None,  # likewise: people.stories.return_body
    "revoke_return_release": {},
    "stop": {},
    "assign": {"member_id": NOBODY},
    "hand_over": {"member_id": NOBODY},
    "take_over": {"reason": "safety"},
    "set_hold": {"until": (datetime.now(UTC) + timedelta(days=90)).isoformat()},
    "end_hold": {},
    "block": {"member_id": NOBODY},
    "unblock": {"member_id": NOBODY},
    "leads_only": {},
    "end_leads_only": {},
    "open_packet": {"purpose": "intake"},
    "account_disclosures": {"purpose": "review"},
    "add_note": {"text": "an invented note"},
    "record_report": {
        "basis": "child_abuse",
        "to": "child_protection",
        "at": "2026-01-01T02:45:00Z",
        "survivor_told": "told_before",
    },
    "record_disclosure": {
        "basis": "subpoena",
        "to": "nobody",
        "at": "2026-01-01T02:45:00Z",
        "survivor_told": "told_before",
    },
    "record_rights": {"victim_rights": "given", "u_certification": "requested"},
    "open_notes": {"purpose": "review"},
}

_numbers = itertools.count(1)

# What is no act of its own: another's rules, log and body.
READ_AS = {"open_handoff": "open_notes", "signed": "open_notes"}


def served() -> Iterator[tuple[str, URLPattern]]:
    """Every route of the process with its pattern, `v1/referrals/<uuid:referral_id>` and so on."""
    yield from _below("", get_resolver().url_patterns)


def _below(
    prefix: str, patterns: list[URLPattern | URLResolver]
) -> Iterator[tuple[str, URLPattern]]:
    for each in patterns:
        route = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from _below(route, each.url_patterns)
        else:
            yield route, each


def methods_of(pattern: URLPattern) -> set[str]:
    """The methods that a route answers, HEAD and OPTIONS aside."""
    view = getattr(pattern.callback, "view_class", None)
    if view is None:
        return {"GET"}
    return {name.upper() for name in view.http_method_names if hasattr(view, name)} - {
        "HEAD",
        "OPTIONS",
    }


NOWHERE = "01890000-0000-7000-8000-000000000004"


def filled(route: str, **known: str) -> str:
    """The path of a route: what is known by name; for the rest an id of nothing, a number, or
    "not_found"."""

    def value(found: re.Match[str]) -> str:
        of_none = {"uuid": NOWHERE, "int": "40"}.get(found[1], "not_found")
        return known.get(found[2], of_none)

    return "/" + re.sub(r"<(\w+):(\w+)>", value, route)


def of_one_referral() -> list[tuple[str, set[str]]]:
    """Routes for programs that name a referral, with `{id}` in its place, and their methods."""
    found = [
        ("/" + route.replace("<uuid:referral_id>", "{id}"), methods_of(pattern))
        for route, pattern in served()
        if route.startswith(FACES) and "<uuid:referral_id>" in route
    ]
    assert len(found) > 15, "the resolver was not read"
    return found


def body_for(route: str) -> Any:
    """A right body for the act that ends `route`. A KeyError tells of an act without one."""
    if route.startswith("/fhir"):  # a Task that is accepted, or what is of no use
        return {"resourceType": "Task", "status": "accepted", "intent": "order"}
    act = route.rsplit("/", 1)[1]
    act = READ_AS.get(act, act)
    if act == "set_external_ref":  # two referrals of one member have two numbers
        return {"ref": f"an invented number {next(_numbers)}"}
    if act == "put_return_release":
        return return_body()
    if act == "put_notice_release":
        body = release_body()
        del body["fields"]
        return body
    return release_body() if act == "put_release" else BODIES[act]


def naming_one_in_the_body(own: str, service: str) -> list[tuple[str, dict[str, str]]]:
    """Routes whose body names a referral, `{id}` in its place; `own` is one that the caller works
    on, `service` one to send to. A test says that the contract has no others."""
    notice = BODIES["put_notice"]
    return [
        (f"/v1/referrals/{own}/same_person_as", {"referral_id": "{id}"}),
        ("/v1/referrals", notice | {"service_id": service, "replaces": "{id}"}),
        ("/v1/agreement-tally", {"draft_id": "{id}"}),
    ]


def at(route: str, referral_id: UUID | str) -> str:
    return route.replace("{id}", str(referral_id))


def as_json(body: Any) -> bytes:
    return json.dumps(body).encode()


def ask(caller: Caller, method: str, path: str, body: Any = None, **headers: str) -> Any:
    """The whole answer but what differs between any two answers."""
    answer = caller.http.generic(
        method,
        path,
        b"" if body is None else as_json(body),
        content_type="application/json",
        headers=caller.headers({name.replace("_", "-"): text for name, text in headers.items()}),
    )
    kept = {name: text for name, text in answer.items() if name not in OWN_TO_EACH_ANSWER}
    return answer.status_code, kept, bytes(answer.content), sorted(answer.cookies)


def everything(caller: Caller, referral_id: Any) -> dict[tuple[str, str], Any]:
    """The answers of every method that every route serves, each asked as it wants to be."""
    found = {}
    for route, methods in of_one_referral():
        for method in methods:
            body = None if method == "GET" else body_for(route)
            path = at(route, referral_id)
            found[method, route] = ask(caller, method, path, body, **preconditions(method, route))
    return found


def preconditions(method: str, route: str) -> dict[str, str]:
    """Headers under which a request is looked at as far as it can be: a key is refused at once
    where none is taken."""
    key = {"Idempotency_Key": "some key"} if takes_key(method, route) else {}
    return {"If_Match": '"stale"'} | key


def takes_key(method: str, route: str) -> bool:
    """Whether the contract says that a request takes an Idempotency-Key."""
    path = re.sub(r"<\w+:(\w+)>", r"{\1}", f"/{route.lstrip('/')}")
    path = path.replace("{id}", "{referral_id}")
    operation = contract()["paths"].get(path, {}).get(method.lower(), {})
    return bool(operation.get("x-repeat") == "keyed")
