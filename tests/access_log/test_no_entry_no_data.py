"""No access entry, no data: what cannot be logged is not shown; and no entry can be forged."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from tests.support.ground.database import (
    as_app,
    full_story,
    identify,
    opening,
    refused,
    refused_for_want_of_rights,
)
from tests.support.people.access_log import (
    everything_stored,
    no_right_to_write,
    one,
    the_log_is_full,
)
from tests.support.people.callers import agency_id, member_id
from tests.support.people.client_assertions import assertion, token_request
from tests.support.people.stories import Story
from tests.support.proofs import routes

# -- When it cannot be written ---------------------------------------------------------------------


def acts_now(story: Story, api: Any, referral_id: Any) -> list[Any]:
    """Every route on one referral and the lists, asked by those whom it belongs to."""
    answers = [
        api(who).get(path)
        for who in ("police.worker", "ywca.worker")
        for path in ("/v1/referrals", "/v1/call-records")
    ]
    for route, methods in routes.of_one_referral():
        for who in ("police.worker", "ywca.worker"):
            path = routes.at(route, referral_id)
            if "GET" in methods:
                answers.append(api(who).get(path))
            else:
                answers.append(api(who).post(path, routes.body_for(route)))
    body = routes.BODIES["put_notice"] | {"service_id": story.service_id}
    answers.append(api("police.worker").post("/v1/referrals", body, Idempotency_Key="again"))
    answers.append(api("ywca.auditor").get("/v1/access-log"))
    return answers


def refusal_of(answer: Any) -> tuple[str, bool]:
    """Its code, and whether it says whom to call."""
    said = answer.json()
    if said.get("resourceType") != "OperationOutcome":
        return said["code"], bool(said["safety_lines"])
    first, *rest = said["issue"]
    return first["details"]["coding"][0]["code"], any("911" in one["diagnostics"] for one in rest)


def test_when_the_log_is_full_nothing_is_shown_and_nothing_changes(
    story: Story, api: Any, superuser: Any
) -> None:
    full_story(story, api)
    before = everything_stored(superuser)
    with the_log_is_full():
        real = acts_now(story, api, story.id)
        random = acts_now(story, api, uuid4())
        stranger = [api(who).get("/v1/referrals") for who in (None, "outsider.worker")]
        public = api(None).get("/v1/directory/services")
    assert public.status_code == 200, "the public directory needs no entry"
    for answer in [*real, *random, *stranger]:
        assert answer.status_code == 503
        assert refusal_of(answer) == ("log", True)
        assert answer["Retry-After"] == "30"
    assert {answer.content for answer in real} == {answer.content for answer in random}
    assert everything_stored(superuser) == before


def test_without_the_right_to_write_an_entry_nothing_is_shown_and_nothing_changes(
    story: Story, api: Any, superuser: Any
) -> None:
    """Only `app` is cut off here: a refusal is written by `definer` and stays the refusal it
    was."""
    full_story(story, api)
    before = everything_stored(superuser)
    with no_right_to_write():
        answers = acts_now(story, api, story.id)
        outside = api("outsider.worker")
        real = outside.get(f"/v1/referrals/{story.id}")
        random = outside.get(f"/v1/referrals/{uuid4()}")
    assert {answer.status_code for answer in answers} <= {503, 403, 409, 200}
    logged_by_another_role = [one for one in answers if one.status_code == 200]
    assert len(logged_by_another_role) == 1  # the auditor's, whose right was not taken
    assert (real.status_code, real.content) == (random.status_code, random.content)
    assert everything_stored(superuser) == before


def test_a_token_is_not_issued_when_its_entry_cannot_be_written(
    network: Any, api: Any, superuser: Any
) -> None:
    police = next(one for one in network["clients"] if one["agency"] == "police")
    with the_log_is_full():
        answer = api(None).http.post(
            "/oauth/token", token_request(assertion(police, network["token_url"]))
        )
    assert answer.status_code == 503
    assert b"access_token" not in answer.content
    assert one(superuser, "SELECT count(*) FROM credential") == 0


# -- No one writes in another's name ---------------------------------------------------------------


@pytest.mark.parametrize(
    "forged",
    [
        {"agency_id": agency_id("police")},
        {"agency_id": None},
        {"member_id": member_id("ywca.worker2")},
        {"member_id": member_id("police.worker")},
        {"member_id": None},
        {"client_id": uuid4()},
        {"decision": "refused"},
        {"at": "2020-01-01T00:00:00Z"},
        {"xact": 1},
        {"leaf": b"x"},
    ],
    ids=lambda one: next(iter(one)),
)
def test_an_entry_cannot_be_forged(story: Story, api: Any, forged: dict[str, Any]) -> None:
    story.accept()
    with as_app(api("ywca.worker")) as cursor:
        honest = opening("ywca.worker", story.id, "open_packet")
        assert not refused_for_want_of_rights(cursor, *honest)
        false = opening("ywca.worker", story.id, "open_packet", **forged)
        assert refused_for_want_of_rights(cursor, *false)


def test_the_entries_of_sign_in_and_refusal_cannot_be_forged_either(
    story: Story, api: Any, superuser: Any
) -> None:
    story.accept()
    sign_in = "SELECT sec.log_sign_in(%s, %s, %s, NULL, 'token.issue', 'allowed', NULL, NULL, NULL)"
    denial = (
        "SELECT sec.log_refusal(%s, 'referral.read', 'not_found', NULL, NULL, NULL, NULL, NULL)"
    )
    who = [str(agency_id("police")), str(member_id("police.worker"))]
    with as_app(api("ywca.worker")) as cursor:
        assert refused_for_want_of_rights(cursor, sign_in, [str(uuid4()), *who])
    mine = str(uuid4())
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        identify(cursor, api("ywca.worker"))
        cursor.execute(denial, [mine])
        cursor.execute("COMMIT")
    written_as = one(superuser, "SELECT agency_id FROM access_entry WHERE id = %s", [mine])
    assert written_as == agency_id("ywca")


def test_a_row_is_shown_only_to_an_entry_of_the_same_transaction(
    story: Story, api: Any, superuser: Any
) -> None:
    """R11 in the policy: an injected query gets no sealed row that the log does not tell of."""
    full_story(story, api)
    ywca = api("ywca.worker")
    packet, notes = "SELECT field FROM packet_field", "SELECT id FROM note"
    with as_app(ywca) as cursor:
        assert refused(cursor, packet)
        assert refused(cursor, notes)
        for act, open_now, closed in (
            ("open_packet", packet, notes),
            ("open_notes", notes, packet),
        ):
            cursor.execute("SAVEPOINT before")
            cursor.execute(*opening("ywca.worker", story.id, act))
            assert not refused(cursor, open_now)
            assert refused(cursor, closed), "an entry opens what it says and nothing else"
            cursor.execute("ROLLBACK TO before")
            assert refused(cursor, open_now), "the entry is gone, and so are the rows"
        for changed in (
            {"purpose": "receive_service"},  # what a release is for, not an opening
            {"act": "referral.read"},
            {"referral_id": uuid4()},
            {"fields": ["health"]},  # not released
            {"fields": None},
            {"release_id": uuid4()},  # another than the one in force
        ):
            cursor.execute("SAVEPOINT before")
            cursor.execute(*opening("ywca.worker", story.id, "open_packet", **changed))
            assert refused(cursor, packet), changed
            cursor.execute("ROLLBACK TO before")
        cursor.execute(*opening("ywca.worker", story.id, "open_packet", fields=["name", "health"]))
        cursor.execute(packet)
        assert cursor.fetchall() == [("name",)]
    with connection.cursor() as cursor:  # committed before: an earlier transaction's
        cursor.execute("BEGIN")
        identify(cursor, ywca)
        cursor.execute(*opening("ywca.worker", story.id, "open_packet"))
        cursor.execute("COMMIT")
    with as_app(ywca) as cursor:
        assert refused(cursor, packet)
        assert not refused(cursor, "SELECT id FROM referral")
