"""A refusal names all that is wrong with a body or a query, and repeats nothing of it."""

from typing import Any

import pytest
from rest_framework.exceptions import ErrorDetail

from api.http import problem_details
from tests.support.people.stories import NOTICE, Story, release_body, service_of

MARK = "zyxwv-marked"


def places(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 400, answer.content
    assert MARK not in answer.content.decode()
    found = answer.json()["errors"]
    for one in found:
        assert set(one) <= {"code", "detail", "pointer", "parameter"}
        assert one["detail"]
    return [(one["code"], one.get("pointer") or one.get("parameter") or "") for one in found]


def test_all_faults_of_a_body_are_named_at_once(api: Any) -> None:
    body = NOTICE | {
        "service_id": MARK,
        "urgency": MARK,
        "needs": ["shelter", MARK, 5],
        "concern": None,
    }
    answer = api("police.worker").post("/v1/referrals", body)
    assert sorted(places(answer)) == [
        ("invalid", "/concern"),
        ("invalid", "/needs/1"),
        ("invalid", "/needs/2"),
        ("invalid", "/service_id"),
        ("invalid", "/urgency"),
    ]
    first = answer.json()["errors"][0]
    shape = {name: answer.json()[name] for name in ("code", "detail", "pointer")}
    assert shape == first, "the top level names the first of them, as before"


def test_an_unknown_field_comes_first_and_the_rest_with_it(api: Any, superuser: Any) -> None:
    body = NOTICE | {"service_id": service_of("ywca"), "urgency": "soon", MARK: "x"}
    answer = api("police.worker").post("/v1/referrals", body)
    assert places(answer) == [("unknown_field", ""), ("invalid", "/urgency")]
    assert answer.json()["code"] == "unknown_field"
    assert "pointer" not in answer.json()
    assert "urgency" in answer.json()["detail"], "the documented ones are listed"
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT act, decision, rule FROM access_entry WHERE request_id = %s",
            [answer["X-Request-Id"]],
        )
        assert cursor.fetchall() == [("referral.create", "refused", "unknown_field")]


def test_faults_within_lists_of_objects_have_their_own_places(story: Story, api: Any) -> None:
    story.accept()
    good = release_body()["consenters"][0]
    bad = [good, good | {"who": MARK}, good | {MARK: True}, "none"]
    body = release_body(consenters=bad, purpose=MARK)
    answer = api("police.worker").act(story.id, "put_release", body)
    assert sorted(places(answer)) == [
        ("invalid", "/consenters/1/who"),
        ("invalid", "/consenters/3"),
        ("invalid", "/purpose"),
        ("unknown_field", "/consenters/2"),
    ]
    assert answer.json()["code"] == "unknown_field"
    assert answer.json()["pointer"] == "/consenters/2"


def test_a_packet_names_each_field_that_is_wrong_and_no_unknown_one(story: Story, api: Any) -> None:
    story.accept().release()
    officer = api("police.worker")
    answer = officer.act(story.id, "put_packet", {"packet": {"name": " ", "phone": 5}})
    assert sorted(places(answer)) == [("invalid", "/packet/name"), ("invalid", "/packet/phone")]
    answer = officer.act(story.id, "put_packet", {"packet": {MARK: "9"}, MARK: 1})
    assert places(answer) == [("unknown_field", ""), ("unknown_field", "/packet")]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("limit=0", [("invalid", "limit")]),
        ("status=marked", [("invalid", "status")]),
        (f"{MARK}=1", [("unknown_parameter", "")]),
        ("limit=1&limit=2&box=in&box=in", [("repeated_parameter", n) for n in ("box", "limit")]),
        (f"{MARK}=1&box=in&box=in", [("unknown_parameter", ""), ("repeated_parameter", "box")]),
        ("cursor=%00", [("not_text", "cursor")]),
    ],
)
def test_a_query_names_its_parameters(query: str, found: list[tuple[str, str]], api: Any) -> None:
    caller = api("police.worker")
    answer = caller.http.get(f"/v1/referrals?{query}", headers=caller.headers({}))
    assert places(answer) == found
    assert all("pointer" not in one for one in answer.json()["errors"])


def test_a_parameter_that_is_not_documented_is_answered_with_those_that_are(api: Any) -> None:
    answer = api("police.worker").get("/v1/events", {"limt": "5"})
    assert answer.json()["detail"] == (
        "The documented parameters are: after, from, referral_id, limit."
    )
    none = api("police.worker").get("/v1/mistakes", {"limit": "5"})
    assert none.json()["detail"] == "The documented parameters are: none."


@pytest.mark.no_database
def test_a_body_of_faults_alone_is_answered_with_fifty() -> None:
    wrong = {"needs": {str(one): [ErrorDetail("x", "invalid_choice")] for one in range(5000)}}
    refusal = problem_details.invalid(wrong)
    assert len(refusal.faults) == problem_details.MOST_FAULTS == 50
    assert refusal.faults[0].place == "/needs/0"


def test_a_refusal_that_is_no_fault_of_shape_lists_none(api: Any) -> None:
    assert "errors" not in api(None).get("/v1/referrals").json()
    assert "errors" not in api("police.auditor").get("/v1/call-records").json()
