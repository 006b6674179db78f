"""A partner system refers in one request: with release, packet, its own number and the sending, all
of it or nothing."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections

from tests.support.ground.races import Race
from tests.support.ground.races import race as race  # a fixture
from tests.support.ground.waiting import SOON
from tests.support.people.access_log import everything_stored
from tests.support.people.callers import agency_id, narrow
from tests.support.people.stories import (
    NOTICE,
    PACKET,
    Story,
    bar,
    notes,
    notice_release_body,
    phone_only,
    release_body,
    service_of,
)

ACTS = ("create", "put_release", "put_packet", "set_external_ref", "send")


def whole(story: Story, **change: Any) -> dict[str, Any]:
    """A referral as a records system sends it; a part that is None is left out."""
    body = NOTICE | {
        "service_id": story.service_id,
        "release": release_body(*PACKET),
        "packet": PACKET,
        "external_ref": "CASE-0001",
        "send": {"agreement": "agrees"},
    }
    return {name: value for name, value in (body | change).items() if value is not None}


def entries(superuser: Any, answer: Any) -> list[tuple[Any, ...]]:
    """(act, decision, rule, whether it names a referral) of what one request left in the log, in
    order."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT act, decision, rule, referral_id IS NOT NULL FROM access_entry"
            " WHERE request_id = %s ORDER BY id",
            [answer["X-Request-Id"]],
        )
        return list(cursor.fetchall())


def history(api: Any, who: str, referral_id: str) -> list[str]:
    steps = api(who).get(f"/v1/referrals/{referral_id}/history").json()["items"]
    return [step["act"] for step in steps]


def feed(api: Any, who: str) -> list[str]:
    return [one["act"] for one in api(who).get("/v1/events").json()["items"]]


# -- It is done ------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["police.worker", "police.client"])
def test_one_request_does_what_five_would(story: Story, api: Any, superuser: Any, who: str) -> None:
    caller = api(who, "police.worker") if who.endswith("client") else api(who)
    made = caller.post("/v1/referrals", whole(story))
    assert made.status_code == 201, made.content
    seen = made.json()
    assert (seen["status"], seen["notice"]["agreement"]) == ("sent", "agrees")
    assert seen["release"]["in_force"]
    assert made["Location"] == f"/v1/referrals/{seen['id']}"
    assert made["ETag"] == caller.get(made["Location"])["ETag"]

    assert history(api, "police.worker", seen["id"]) == list(ACTS)
    assert feed(api, "police.worker") == list(ACTS)
    assert history(api, "ywca.worker", seen["id"]) == ["send"]
    done = [(f"referral.{act}", "allowed", None, True) for act in ACTS]
    assert entries(superuser, made) == done

    story.id = seen["id"]
    assert notes(api, "police.worker", story, "external_ref") == [{"ref": "CASE-0001"}]
    story.answers("accept")
    opened = api("ywca.worker").act(story.id, "open_packet", {"purpose": "intake"})
    assert opened.json()["packet"] == PACKET


def test_it_leaves_the_entries_and_fields_that_single_acts_leave(
    story: Story, api: Any, superuser: Any
) -> None:
    def of(referral_id: str) -> list[Any]:
        with superuser.cursor() as cursor:
            cursor.execute(
                "SELECT act, fields, purpose, release_id IS NULL, subject IS NULL FROM access_entry"
                " WHERE referral_id = %s ORDER BY id",
                [referral_id],
            )
            return list(cursor.fetchall())

    single = story.create().release(*PACKET).packet(**PACKET)
    single.sends("set_external_ref", {"ref": "CASE-0001"}).sends("send", {"agreement": "agrees"})
    one = api("police.worker").post("/v1/referrals", whole(story, external_ref="CASE-0002")).json()
    assert of(one["id"]) == of(single.id)


def test_without_send_it_stays_a_draft_that_can_be_sent(story: Story, api: Any) -> None:
    made = api("police.worker").post("/v1/referrals", whole(story, send=None))
    assert (made.status_code, made.json()["status"]) == (201, "draft")
    assert api("ywca.worker").get(made["Location"]).status_code == 404
    story.id = made.json()["id"]
    story.sends("send", {"agreement": "agrees"})


def test_a_victim_service_provider_states_the_permission_for_its_notice(api: Any) -> None:
    ours = Story(api, service_of("sarc"), sender="ywca.worker")
    bare = whole(ours, release=None, packet=None)
    refused = api("ywca.worker").post("/v1/referrals", bare)
    assert (refused.status_code, refused.json()["code"]) == (409, "notice_release_missing")
    assert refused.json()["pointer"] == "/send"
    made = api("ywca.worker").post(
        "/v1/referrals", bare | {"notice_release": notice_release_body()}
    )
    assert (made.status_code, made.json()["status"]) == (201, "sent"), made.content
    assert history(api, "ywca.worker", made.json()["id"]) == [
        *("create", "put_notice_release", "set_external_ref", "send"),
    ]


# -- It is refused, and nothing is there -----------------------------------------------------------


def in_days(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


SHAPE = [
    ({"release": release_body(expires_at="soon")}, "/release/expires_at"),
    ({"release": release_body(basis="hearsay")}, "/release/basis"),
    ({"release": release_body() | {"shoe_size": 9}}, "/release"),
    ({"release": release_body(consenters=[{"who": "self"}])}, "/release/consenters/0/signed_at"),
    ({"release": []}, "/release"),
    ({"notice_release": release_body()}, "/notice_release"),
    ({"packet": {"name": ""}}, "/packet/name"),
    ({"packet": {"name": "x" * 4001}}, "/packet/name"),
    ({"packet": {"screening": "no code"}}, "/packet/screening"),
    ({"packet": {"shoe_size": "9"}}, "/packet"),
    ({"packet": {}}, "/packet"),
    ({"external_ref": ""}, "/external_ref"),
    ({"external_ref": "x" * 101}, "/external_ref"),
    ({"external_ref": 7}, "/external_ref"),
    ({"send": {}}, "/send/agreement"),
    ({"send": {"agreement": "no"}}, "/send/agreement"),
    ({"send": True}, "/send"),
]


@pytest.mark.parametrize(("change", "pointer"), SHAPE)
def test_a_wrong_shape_is_pointed_at_below_its_part(
    story: Story, api: Any, superuser: Any, change: dict[str, Any], pointer: str
) -> None:
    api("police.worker").get("/v1/referrals")
    before = everything_stored(superuser)
    answer = api("police.worker").post("/v1/referrals", whole(story, **change))
    assert (answer.status_code, answer.json()["pointer"]) == (400, pointer), answer.content
    assert everything_stored(superuser) == before


REFUSED = [
    ({"release": release_body(*PACKET, expires_at=in_days(8))}, "put_release", "too_long",
     "/release/expires_at"),
    ({"release": release_body(*PACKET, expires_at=in_days(-1))}, "put_release", "expired",
     "/release/expires_at"),
    ({"release": release_body(*PACKET, attestations=[])}, "put_release", "attestation_missing",
     "/release/attestations"),
    ({"release": release_body(*PACKET, basis="written_release", form="written")}, "put_release",
     "basis", "/release/basis"),
    ({"release": release_body(*PACKET, adult=False)}, "put_release", "age_not_stated",
     "/release/consenters"),
    ({"release": None}, "put_packet", "no_release", "/packet"),
    ({"send": {"agreement": "cannot_say"}}, "send", "", "/send"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "act", "code", "pointer"), REFUSED)
def test_what_a_part_is_refused_for_leaves_nothing_but_its_entry(
    story: Story,
    api: Any,
    superuser: Any,
    change: dict[str, Any],
    act: str,
    code: str,
    pointer: str,
) -> None:
    api("police.worker").get("/v1/referrals")
    before = everything_stored(superuser)
    key = {"Idempotency_Key": "of a request that is refused"}
    answer = api("police.worker").post("/v1/referrals", whole(story, **change), **key)
    assert (answer.status_code, answer.json()["pointer"]) == (409, pointer), answer.content
    assert not code or answer.json()["code"] == code
    rule = answer.json()["code"]
    assert entries(superuser, answer) == [(f"referral.{act}", "refused", rule, False)]
    assert everything_stored(superuser) == before
    # The key led to nothing, so that the same key may be used for what is right.
    again = api("police.worker").post("/v1/referrals", whole(story), **key)
    assert again.status_code == 201


def test_a_fault_of_the_notice_is_the_notices_own(story: Story, api: Any) -> None:
    answer = api("police.worker").post("/v1/referrals", whole(story, service_id=phone_only()))
    assert (answer.status_code, answer.json()["code"]) == (409, "phone_only")
    assert "pointer" not in answer.json()


def test_a_shape_is_refused_before_a_right_and_a_condition(story: Story, api: Any) -> None:
    wrong = whole(story, packet={"name": ""}, service_id=phone_only())
    for who in ("police.worker", "police.auditor"):
        answer = api(who).post("/v1/referrals", wrong)
        assert (answer.status_code, answer.json()["pointer"]) == (400, "/packet/name")


# -- Who may not -----------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["police.auditor", "police.admin", "police.editor"])
def test_members_without_the_role_are_refused_as_by_create(
    story: Story, api: Any, superuser: Any, who: str
) -> None:
    answer = api(who).post("/v1/referrals", whole(story))
    alone = api(who).post("/v1/referrals", NOTICE | {"service_id": story.service_id})
    assert (answer.status_code, answer.json()) == (alone.status_code, alone.json())
    assert answer.json()["code"] == "role_missing"
    assert entries(superuser, answer) == entries(superuser, alone)


@pytest.mark.parametrize(
    ("scopes", "acting", "code"),
    [
        (("referrals:read", "packets:read"), "police.worker", "scope_missing"),
        (("referrals:write",), "police.worker", "scope_missing"),
        (("referrals:read", "referrals:write"), None, "acting_member_needed"),
    ],
)
def test_systems_are_refused_as_by_create(
    story: Story, api: Any, superuser: Any, scopes: tuple[str, ...], acting: str, code: str
) -> None:
    caller = narrow(api, "police", acting, *scopes)
    answer = caller.post("/v1/referrals", whole(story))
    alone = caller.post("/v1/referrals", NOTICE | {"service_id": story.service_id})
    assert (answer.status_code, answer.json()["code"]) == (403, code), answer.content
    assert (alone.status_code, alone.json()) == (answer.status_code, answer.json())
    assert entries(superuser, answer) == [("referral.create", "refused", code, False)]
    with superuser.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM referral")
        assert cursor.fetchone() == (0,)


# -- Twice, and two at once ------------------------------------------------------------------------


def test_the_same_key_gives_the_same_referral_and_does_nothing_again(
    story: Story, api: Any, superuser: Any
) -> None:
    caller, body = api("police.worker"), whole(story)
    first = caller.post("/v1/referrals", body, Idempotency_Key="one")
    again = caller.post("/v1/referrals", body, Idempotency_Key="one")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert history(api, "police.worker", first.json()["id"]) == list(ACTS)
    assert entries(superuser, again) == [("referral.create", "allowed", None, True)]
    other = body | {"packet": {"name": "Another Invented"}}
    assert caller.post("/v1/referrals", other, Idempotency_Key="one").status_code == 422


def test_a_replay_shows_it_as_it_is_now_and_who_was_barred_is_shown_another(
    story: Story, api: Any
) -> None:
    """To those whom it bars there was none, so that their key led to nothing (R12)."""
    body = whole(story)
    first = api("police.worker").post("/v1/referrals", body, Idempotency_Key="one")
    story.id = first.json()["id"]
    story.answers("accept")
    again = api("police.worker").post("/v1/referrals", body, Idempotency_Key="one")
    assert again.json()["status"] == "accepted"
    bar(api, "police.lead", story, "police.worker")
    barred = api("police.worker").post("/v1/referrals", body, Idempotency_Key="one")
    assert (barred.status_code, barred.json()["status"]) == (201, "sent")
    assert barred.json()["id"] != story.id


def test_the_same_key_at_the_same_time_makes_one(story: Story, api: Any, superuser: Any) -> None:
    callers = [api("police.client", "police.worker") for _ in range(4)]
    body, answers = whole(story), list[Any]()

    def go(caller: Any) -> None:
        answers.append(caller.post("/v1/referrals", body, Idempotency_Key="one"))
        connections.close_all()

    threads = [threading.Thread(target=go, args=[caller]) for caller in callers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    assert {answer.status_code for answer in answers} <= {201, 409}
    made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert len(made) == 1
    with superuser.cursor() as cursor:
        cursor.execute("SELECT act FROM referral_event ORDER BY xact, id")
        assert [act for (act,) in cursor.fetchall()] == list(ACTS)


# -- Cut off ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "table", ["release", "packet_field", "note", "referral_event", "access_entry"]
)
def test_one_that_is_cut_off_half_way_leaves_nothing(
    race: Race, story: Story, api: Any, superuser: Any, table: str
) -> None:
    """The database ends the session while a part of it waits, as if the machine had gone."""
    caller, body = api("police.worker"), whole(story)
    caller.get("/v1/referrals")
    before = everything_stored(superuser)
    with race.held(f"LOCK TABLE {table} IN SHARE MODE"):
        cut = race.start_and_wait(
            lambda: caller.post("/v1/referrals", body, Idempotency_Key="cut off")
        )
        with superuser.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"
            )
    assert cut.result(SOON).status_code == 503
    assert everything_stored(superuser) == before
    again = api("police.worker").post("/v1/referrals", body, Idempotency_Key="cut off")
    assert (again.status_code, again.json()["status"]) == (201, "sent")
    with superuser.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM referral WHERE from_agency_id = %s",
                       [str(agency_id("police"))])  # fmt: skip
        assert cursor.fetchone() == (1,)
