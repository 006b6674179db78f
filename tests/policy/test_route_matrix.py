"""Who is answered what: every route that the process serves × the cast, in two readable tables.

One referral, accepted, with a packet: `police.worker` sent it, `ywca.worker` answers for it. The
routes come from the resolver: one that is missing here fails, and so does one that is no more.
In short: each route once for each answer that its row has, each of the cast, in turn. Whole: where
the table says the same of several people of one role, and the route names no referral, one of them
asks in turn; in tests/slow each of them does.
"""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.ground.http_client import HttpClient
from tests.support.ground.repository import contract
from tests.support.ground.short_form import in_both_forms
from tests.support.people.desk_pages import at_the_desk
from tests.support.proofs import routes
from tests.support.proofs.matrix import TryOut, served
from tests.support.proofs.matrix import put_back as put_back  # a fixture
from tests.support.proofs.matrix import try_out as try_out  # a fixture
from tests.support.proofs.route_answers import (
    api_answers,
    as_the_table_says,
    desk_answers,
    each_answer,
    in_turn,
)
from tests.support.proofs.route_table import API_ROWS, DESK_ROWS


@in_both_forms
def test_the_api_answers_each_of_the_cast_as_the_table_says(
    short: bool, try_out: TryOut, put_back: Callable[[str, str, Any], None]
) -> None:
    asked = each_answer(API_ROWS) if short else in_turn(API_ROWS)
    assert len(asked) > (400 if short else 1300)
    assert api_answers(asked, try_out, put_back) == as_the_table_says(API_ROWS, asked)


@in_both_forms
def test_the_pages_answer_each_of_the_cast_as_the_table_says(
    short: bool, try_out: TryOut, put_back: Callable[[str, str, Any], None]
) -> None:
    asked = each_answer(DESK_ROWS) if short else in_turn(DESK_ROWS)
    assert len(asked) > (400 if short else 1700)
    assert desk_answers(asked, try_out, put_back) == as_the_table_says(DESK_ROWS, asked)


# -- Routes served = routes in the tables = routes in the contract ---------------------------------


def test_each_route_that_is_served_stands_in_a_table_and_no_other(network: Any) -> None:
    rows = {*API_ROWS, *DESK_ROWS}
    known = served()
    assert known - rows == set(), "served, and in no table"
    assert rows - known == set(), "in a table, and not served"


def test_the_contract_says_what_is_served_under_v1_and_at_the_token_endpoint() -> None:
    verbs = {"get", "post", "put", "patch", "delete", "head", "options", "trace"}
    said = {
        (method.upper(), path)
        for path, operations in contract()["paths"].items()
        for method in verbs & set(operations)
    }
    is_served = set()
    for route, pattern in routes.served():
        if route.startswith("v1/") or route == "oauth/token":
            path = "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", route)
            is_served |= {(method, path) for method in routes.methods_of(pattern)}
    assert said == is_served


# -- What no table shows ---------------------------------------------------------------------------


def test_other_methods_are_answered_by_no_route(network: Any) -> None:
    http = HttpClient()
    for route, _pattern in routes.served():
        path = routes.filled(route)
        for method in ("PUT", "PATCH", "DELETE", "TRACE"):
            answer = http.generic(method, path)
            answer.close()
            status = answer.status_code
            leads_to_sign_in = route == "accounts/code" and status == 302
            is_hidden = route == "metrics" and status == 404  # as at an address that is not there
            answered = status in (401, 403, 405) or leads_to_sign_in or is_hidden
            assert answered, (method, path, status)


@pytest.mark.parametrize("face", ["desk", "v1"])
def test_a_form_that_another_site_posts_does_nothing(
    try_out: TryOut, superuser: Any, face: str
) -> None:
    """A signed-in browser sends its cookie along; without the form's token it counts for nothing
    (the quick exit only signs out; the token endpoint and a provider's message take no cookie)."""
    pages = at_the_desk("ywca.worker")
    kind = "application/json" if face == "v1" else "application/x-www-form-urlencoded"
    folders = routes.FACES if face == "v1" else ("desk/", "accounts/")
    posts = [route for method, route in (*API_ROWS, *DESK_ROWS) if method == "POST"]
    signed = "accounts/agency/<slug:code>/ended"  # by the provider
    tried = [route for route in posts if route.startswith(folders) and route != signed]
    assert len(tried) > 15
    for route in tried:
        answer = pages.http.post(try_out.address(route), b"{}", content_type=kind)
        assert answer.status_code == 403, route
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT array_agg(act ORDER BY at, id) FROM referral_event WHERE referral_id = %s",
            [try_out.story.id],
        )
        acts = ["create", "send", "accept", "put_release", "put_packet"]
        assert cursor.fetchone() == (acts,), "and nothing since"
