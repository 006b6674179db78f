"""A Task is a referral's life as each side is shown it (T5), and its update is an act."""

from typing import Any

import pytest

from tests.support.people import fhir_bundles as fhir
from tests.support.people.callers import agency_id
from tests.support.people.fhir_sent import sent
from tests.support.people.stories import Story, return_body

SENDER, RECIPIENT = "police.worker", "ywca.worker"


def task(api: Any, who: str, id_: str) -> dict[str, Any]:
    answer = api(who).get(f"/fhir/Task/{id_}")
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "application/fhir+json"
    found: dict[str, Any] = answer.json()
    assert answer["ETag"] == f'W/"{found["meta"]["versionId"]}"'
    return found


def put(api: Any, who: str, resource: dict[str, Any], version: str | None = None) -> Any:
    match = version or f'W/"{resource["meta"]["versionId"]}"'
    return sent(api(who), "put", f"Task/{resource['id']}", resource, If_Match=match)


def code_of(answer: Any) -> str:
    assert "issue" in answer.json(), answer.content
    return str(answer.json()["issue"][0]["details"]["coding"][0]["code"])


def words(resource: dict[str, Any]) -> tuple[str, str]:
    """Task.status and the word of businessStatus."""
    return resource["status"], resource["businessStatus"]["coding"][0]["code"]


# -- What is shown ---------------------------------------------------------------------------------


def test_each_side_is_shown_its_own_word(story: Story, api: Any) -> None:
    """T5. To the sender it is never `completed`: that would tell whether she came."""
    story.create()
    assert words(task(api, SENDER, story.id)) == ("draft", "draft")
    story.send()
    assert words(task(api, SENDER, story.id)) == ("requested", "sent")
    story.answers("acknowledge")
    assert words(task(api, RECIPIENT, story.id)) == ("requested", "acknowledged")
    story.answers("accept")
    before = api(SENDER).get(f"/fhir/Task/{story.id}")
    assert words(before.json()) == ("accepted", "accepted")
    for act, body, status in (
        ("start_handoff", {"mode": "phone"}, ("in-progress", "in_handoff")),
        ("complete", {"outcome": "served"}, ("completed", "completed")),
    ):
        story.answers(act, body)
        assert words(task(api, RECIPIENT, story.id)) == status
        after = api(SENDER).get(f"/fhir/Task/{story.id}")
        assert (after.content, after["ETag"]) == (before.content, before["ETag"])


def test_a_week_later_it_is_closed_and_still_accepted(
    story: Story, api: Any, shift_clock: Any
) -> None:
    story.accept()
    shift_clock("7 days")
    assert words(task(api, SENDER, story.id)) == ("accepted", "closed")


@pytest.mark.parametrize(
    ("act", "body", "ours", "theirs", "reason"),
    [
        ("decline", {"code": "no_capacity"}, "rejected", "rejected", "no_capacity"),
        ("withdraw", {"code": "help_found"}, "cancelled", "cancelled", "help_found"),
        (
            "mark_error",
            {"code": "wrong_recipient"},
            "entered-in-error",
            "entered-in-error",
            "wrong_recipient",
        ),
    ],
)
def test_an_end_has_its_reason_and_always_a_text(
    story: Story, api: Any, act: str, body: Any, ours: str, theirs: str, reason: str
) -> None:
    story.send()
    (story.answers if act == "decline" else story.sends)(act, body)
    for who, status in ((SENDER, ours), (RECIPIENT, theirs)):
        found = task(api, who, story.id)
        assert found["status"] == status
        assert found["statusReason"]["coding"][0]["code"] == reason
        assert found["statusReason"]["text"]


def test_nobody_answered_in_time(story: Story, api: Any, shift_clock: Any) -> None:
    story.send()
    shift_clock("30 days")
    found = task(api, SENDER, story.id)
    assert words(found) == ("cancelled", "expired")
    assert found["statusReason"] == {"text": "No one answered in time"}


def test_the_survivor_is_not_in_it(story: Story, api: Any) -> None:
    story.create().release().packet(name="Invented Person", safe_contact="text only").send()
    story.answers("accept")
    for who in (SENDER, RECIPIENT):
        for kind in ("Task", "ServiceRequest"):
            answer = api(who).get(f"/fhir/{kind}/{story.id}")
            assert "Invented Person" not in answer.content.decode()
            subject = answer.json()["for" if kind == "Task" else "subject"]
            assert subject == {"display": "Not disclosed"}
            codes = {one["code"] for one in answer.json()["meta"]["security"]}
            assert codes == {"R", "SDV", "NORDSCLCD"}
            assert "lastUpdated" not in answer.json()["meta"]


def test_the_order_is_the_whole_notice(story: Story, api: Any) -> None:
    story.create(concern="stalking", access_needs=["pets"], language="es").send()
    found = api(RECIPIENT).get(f"/fhir/ServiceRequest/{story.id}").json()
    assert found["status"] == "active"
    assert found["priority"] == "urgent"
    assert found["code"]["coding"][0]["code"] == "shelter"
    assert found["reasonCode"][0]["coding"][0]["code"] == "stalking"
    details = {
        (one["coding"][0]["system"].rpartition("/")[2], one["coding"][0]["code"])
        for one in found["orderDetail"]
    }
    assert details == {
        ("needs", "advocacy"),
        ("access-needs", "pets"),
        ("language", "es"),
        ("wanted", "call_worker"),
    }
    assert found["performer"][0]["reference"] == f"HealthcareService/{story.service_id}"


def test_what_came_back_under_a_return_release_is_output(story: Story, api: Any) -> None:
    story.accept().answers("complete", {"outcome": "served"})
    assert "output" not in task(api, SENDER, story.id)
    story.answers("put_return_release", return_body())
    found = {
        one["type"]["coding"][0]["code"]: one.get("valueCode", one.get("valueBoolean"))
        for one in task(api, SENDER, story.id)["output"]
    }
    assert found == {"connected": True, "engaged": True, "outcome_code": "served"}
    assert words(task(api, SENDER, story.id)) == ("accepted", "accepted")
    assert "output" not in task(api, RECIPIENT, story.id)


def test_who_may_not_see_it_is_answered_as_for_a_random_id(story: Story, api: Any) -> None:
    story.send()
    for kind in ("Task", "ServiceRequest"):
        for who in ("outsider.worker", "ywca.auditor", "taskforce.coordinator"):
            hidden = api(who).get(f"/fhir/{kind}/{story.id}")
            random = api(who).get(f"/fhir/{kind}/{agency_id('ywca')}")
            assert (hidden.status_code, hidden.content) == (random.status_code, random.content)
            assert hidden.status_code == 404
            assert code_of(hidden) == "not_found"


# -- An update is an act ---------------------------------------------------------------------------


def reasoned(resource: dict[str, Any], status: str, *reason: str) -> dict[str, Any]:
    changed = resource | {"status": status}
    if reason:
        changed["statusReason"] = fhir.concept(*reason)
    return changed


def test_the_recipient_takes_it_through_its_life(story: Story, api: Any) -> None:
    story.send()
    found = task(api, RECIPIENT, story.id)
    looking = found | {"businessStatus": fhir.concept("status", "acknowledged")}
    answer = put(api, RECIPIENT, looking)
    assert words(answer.json()) == ("requested", "acknowledged")
    for status, *reason in (
        ("accepted",),
        ("in-progress", "handoff_mode", "phone"),
        ("completed", "outcome", "served"),
    ):
        answer = put(api, RECIPIENT, reasoned(answer.json(), status, *reason))
        assert answer.status_code == 200, answer.content
        assert answer.json()["status"] == status
    steps = api(RECIPIENT).get(f"/v1/referrals/{story.id}/history").json()["items"]
    assert [one["act"] for one in steps] == [
        *("send", "acknowledge", "accept", "start_handoff", "complete")
    ]


@pytest.mark.parametrize(
    ("who", "status", "reason", "word"),
    [
        (RECIPIENT, "rejected", ("decline", "out_of_area"), "declined"),
        (SENDER, "cancelled", ("withdraw", "no_longer_wanted"), "withdrawn"),
        (SENDER, "entered-in-error", ("mark_error", "duplicate"), "entered_in_error"),
    ],
)
def test_either_side_ends_it(
    story: Story, api: Any, who: str, status: str, reason: tuple[str, str], word: str
) -> None:
    story.send()
    answer = put(api, who, reasoned(task(api, who, story.id), status, *reason))
    assert answer.status_code == 200, answer.content
    assert words(answer.json()) == (status, word)
    again = put(api, who, answer.json())
    assert again.status_code == 200, "a repeat leaves what the first left"


def test_unable_is_failed(story: Story, api: Any) -> None:
    story.accept()
    changed = reasoned(
        task(api, RECIPIENT, story.id), "failed", "private_reason", "could_not_contact"
    )
    assert words(put(api, RECIPIENT, changed).json()) == ("failed", "unable")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"status": "accepted"}, 400, "not_supported"),  # the sender does not accept
        ({"status": "cancelled"}, 400, "unknown_code"),  # no reason
        ({"status": "received"}, 400, "not_supported"),
        ({"priority": "stat"}, 400, "not_supported"),
        ({"owner": {"reference": "Organization/1"}}, 400, "not_supported"),
        ({"description": "she said"}, 400, "not_supported"),
        ({"status": 7}, 400, "not_fhir"),
    ],
)
def test_anything_else_is_refused_and_nothing_moves(
    story: Story, api: Any, change: dict[str, Any], status: int, code: str
) -> None:
    story.send()
    found = task(api, SENDER, story.id)
    answer = put(api, SENDER, found | change)
    assert (answer.status_code, code_of(answer)) == (status, code)
    assert "she said" not in answer.content.decode()
    assert task(api, SENDER, story.id) == found


def test_an_old_version_is_refused(story: Story, api: Any) -> None:
    story.send()
    found = task(api, RECIPIENT, story.id)
    accepted = found | {"status": "accepted"}
    story.answers("acknowledge")
    stale = put(api, RECIPIENT, accepted)
    assert (stale.status_code, code_of(stale)) == (412, "stale")
    assert words(task(api, RECIPIENT, story.id)) == ("requested", "acknowledged")
    without = sent(api(RECIPIENT), "put", f"Task/{story.id}", accepted)
    assert words(without.json()) == ("accepted", "accepted"), "as an act of /v1 without If-Match"


def test_a_wrong_state_is_said(story: Story, api: Any) -> None:
    story.send().answers("acknowledge")
    ahead = reasoned(task(api, RECIPIENT, story.id), "in-progress", "handoff_mode", "phone")
    answer = put(api, RECIPIENT, ahead)
    assert (answer.status_code, code_of(answer)) == (409, "wrong_state")
