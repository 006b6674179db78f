"""A field that an act does not have, in its body: refused, and in the log without a word of it."""

import inspect
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from api.http.endpoints import Endpoint
from tests.support.people.callers import agency_id, member_id
from tests.support.people.stories import Story, service_of
from tests.support.proofs import routes

# What a caller sends who would set what is not theirs to set, or would leave a name in the log.
NOT_THEIRS = {"status": "accepted", "from_agency_id": routes.NOBODY, "mary example": "at 1 Elm St"}


def taking_a_body() -> Iterator[tuple[str, str, str]]:
    """(method, route, the act in the log) of every endpoint that logs such a refusal. A resource of
    FHIR has other names: tests/fhir/test_refused.py."""
    for route, pattern in routes.served():
        view = getattr(pattern.callback, "view_class", None)
        if route.startswith("fhir"):
            continue
        if act := getattr(view, "logged_as", ""):
            (method,) = routes.methods_of(pattern) & {"POST", "PATCH", "PUT"}
            yield method, route, act


def entries(superuser: Any, answer: Any) -> list[dict[str, Any]]:
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT to_jsonb(e) FROM access_entry e WHERE request_id = %s", [answer["X-Request-Id"]]
        )
        return [row for (row,) in cursor.fetchall()]


def sent(api: Any, method: str, path: str, body: Any, who: str = "police.worker") -> Any:
    caller = api(who)
    return caller.http.generic(
        method,
        path,
        routes.as_json(body),
        content_type="application/json",
        headers=caller.headers({"If-Match": '"any"'}),
    )


def test_who_would_set_what_the_act_does_not_take_is_in_the_log(
    story: Story, api: Any, superuser: Any
) -> None:
    story.accept().release().packet(name="Invented Person")
    tried = list(taking_a_body())
    assert {act for _, _, act in tried} >= {f"referral.{act}" for act in routes.BODIES}
    for method, route, act in tried:
        path = routes.filled(route, referral_id=story.id)
        answer = sent(api, method, path, NOT_THEIRS)
        assert (answer.status_code, answer.json()["code"]) == (400, "unknown_field"), route
        (entry,) = entries(superuser, answer)
        assert (entry["act"], entry["decision"], entry["rule"]) == (act, "refused", "unknown_field")
        assert entry["member_id"] == str(member_id("police.worker")), route
        assert entry["agency_id"] == str(agency_id("police")), route
        assert entry["referral_id"] == (story.id if "referral_id" in route else None), route
        place = routes.NOWHERE if "location_id" in route else None
        assert entry["directory_id"] == place, route
        assert "mary" not in str(entry | answer.json()).lower(), route


def test_no_route_that_takes_a_body_leaves_it_out() -> None:
    """But a "no", below. An entry of the directory is read as a document, not by a shape."""
    views = {getattr(pattern.callback, "view_class", None) for _, pattern in routes.served()}
    silent = {
        view.__name__
        for view in views
        if view and issubclass(view, Endpoint) and not view.logged_as
        for method in ("post", "put", "patch")
        if hasattr(view, method) and "self.body(" in inspect.getsource(getattr(view, method))
    }
    assert silent == {"AgreementTally"}


@pytest.mark.parametrize(
    ("act", "body"),
    [
        ("put_packet", {"packet": {"name": "Invented Person", "mary example": "x"}}),
        ("put_release", None),
    ],
)
def test_one_that_is_nested_is_in_the_log_too(
    story: Story, api: Any, superuser: Any, act: str, body: Any
) -> None:
    story.accept()
    body = body or routes.body_for("/put_release") | {
        "consenters": [{"who": "self", "not_the_abuser": True, "mary example": "x"}]
    }
    answer = sent(api, "POST", f"/v1/referrals/{story.id}/{act}", body)
    assert answer.json()["code"] == "unknown_field", answer.content
    (entry,) = entries(superuser, answer)
    assert (entry["act"], entry["rule"]) == (f"referral.{act}", "unknown_field")


def test_it_tells_an_outsider_nothing(story: Story, api: Any, superuser: Any) -> None:
    story.accept()
    answers = [
        sent(api, "POST", f"/v1/referrals/{id_}/complete", NOT_THEIRS, "outsider.worker")
        for id_ in (story.id, uuid4())
    ]
    assert answers[0].content == answers[1].content
    assert [len(entries(superuser, answer)) for answer in answers] == [1, 1]


def test_where_a_value_alone_is_wrong_nothing_is_in_the_log(
    story: Story, api: Any, superuser: Any
) -> None:
    """A slip of what the act does take is no try at anything else."""
    answer = sent(api, "POST", "/v1/referrals", {"service_id": service_of("ywca"), "urgency": "x"})
    assert (answer.status_code, entries(superuser, answer)) == (400, [])


def test_a_no_leaves_no_entry_even_where_it_is_refused(api: Any, superuser: Any) -> None:
    """It would say when, and by whom, a survivor was asked (R14)."""
    answer = sent(api, "POST", "/v1/agreement-tally", NOT_THEIRS)
    assert (answer.status_code, entries(superuser, answer)) == (400, [])
