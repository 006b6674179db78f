"""What the same request means when it comes twice: each write says so, and no key is ignored."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from api.http.endpoints import Endpoint
from referrals.act_registry.registry import ACTS
from tests.access_log.audit_reads import OPT_INS, opt_in
from tests.support.ground.repository import contract
from tests.support.people.callers import Caller, member_id, narrow
from tests.support.people.notifications import add, keep, work
from tests.support.people.stories import Story, notice_release_body, service_of
from tests.support.people.webhooks import receiver as receiver  # a fixture
from tests.support.proofs import routes
from tests.support.servers.message_servers import PhoneProvider
from tests.support.servers.webhook_receiver import Receiver

METHODS = ("get", "post", "put", "patch", "delete")

# The second opinion: what makes or sends something each time. All other writes are safe to repeat,
# but for the tally of agreement.
KEYED = {
    "create_referral",
    *("put_release", "put_notice_release", "put_return_release"),
    *("add_note", "set_external_ref", "same_person_as", "record_attempt"),
    *("record_report", "record_disclosure", "record_rights"),
    *("call_me", "handoff_failed"),
    "record_call",
    *("send_channel_code", "test_channel"),
    *("create_webhook", "rotate_webhook_secret", "ping_webhook", "replay_webhook"),
    "give_opt_in",
    "ask_for_export",
}


def operations() -> list[tuple[str, str, Any]]:
    return [
        (method, path, item[method])
        for path, item in contract()["paths"].items()
        for method in METHODS
        if path.startswith("/v1/") and method in item
    ]


# -- The decision ----------------------------------------------------------------------------------


@pytest.mark.no_database
def test_each_write_of_the_contract_says_what_a_repeat_means() -> None:
    said = {
        operation["operationId"]: operation.get("x-repeat")
        for method, _path, operation in operations()
        if method != "get"
    }
    assert {name for name, repeat in said.items() if repeat == "keyed"} == KEYED
    assert {name for name, repeat in said.items() if repeat == "counted"} == {"she_said_no"}
    assert set(said.values()) == {"keyed", "safe", "counted"}


@pytest.mark.no_database
def test_the_contract_names_the_key_where_it_is_honoured_and_nowhere_else() -> None:
    for method, path, operation in operations():
        named = {one["name"]: one for one in operation.get("parameters", [])}
        keyed = operation.get("x-repeat") == "keyed"
        assert ("Idempotency-Key" in named) == keyed, (method, path)
        if keyed:
            assert "30 days" in named["Idempotency-Key"]["description"]
            assert {"409", "422"} <= set(operation["responses"])
            done = next(one for code, one in operation["responses"].items() if code < "300")
            assert "Idempotency-Replayed" in done["headers"]


@pytest.mark.no_database
def test_an_endpoint_without_the_decision_stops_the_start() -> None:
    class Undecided(Endpoint):
        def post(self, request: Any) -> Any: ...

    with pytest.raises(ImproperlyConfigured):
        Undecided.as_view()


# -- A key that does nothing is refused ------------------------------------------------------------


def test_a_key_is_refused_wherever_it_would_be_ignored(story: Story, api: Any) -> None:
    story.accept()
    worker = api("ywca.worker")
    tried = 0
    for method, path, operation in operations():
        if operation.get("x-repeat") == "keyed":
            continue
        address = path.replace("{referral_id}", story.id).replace("{number}", "1")
        address = routes.filled(address[1:].replace("{", "<uuid:").replace("}", ">"))
        headers = worker.headers({"Idempotency-Key": "a key"})
        answer = worker.http.generic(
            method.upper(), address, b"{}", content_type="application/json", headers=headers
        )
        answer.close()
        assert answer.status_code == 400, (method, address, answer.status_code)
        assert answer.json()["code"] == "idempotency_key_unused", (method, address)
        tried += 1
    assert tried > 90
    assert worker.get(f"/v1/referrals/{story.id}").json()["status"] == "accepted"


def test_a_stranger_with_a_key_is_still_asked_who_they_are(api: Any) -> None:
    answer = api(None).post("/v1/duty", {"duty": "on_call"}, Idempotency_Key="a key")
    assert answer.status_code == 401


@pytest.mark.parametrize("key", ["", "k" * 129, "a\tb"])
def test_a_key_of_another_shape_is_refused(key: str, story: Story, api: Any) -> None:
    story.accept()
    answer = api("ywca.worker").act(story.id, "add_note", {"text": "a note"}, Idempotency_Key=key)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key")


# -- With a key, once ------------------------------------------------------------------------------


def twice(caller: Caller, path: str, body: Any = None, other: Any = None) -> tuple[Any, Any]:
    """Both answers to one request with one key; another body under it is refused."""
    key = str(uuid4())
    first = caller.post(path, body, Idempotency_Key=key)
    again = caller.post(path, body, Idempotency_Key=key)
    assert first.status_code in (200, 201, 202), first.content
    assert first.status_code == again.status_code, again.content
    assert "Idempotency-Replayed" not in first
    assert again["Idempotency-Replayed"] == "true"
    if other is not None:
        refused = caller.post(path, other, Idempotency_Key=key)
        assert (refused.status_code, refused.json()["code"]) == (422, "key_reused")
        assert "Idempotency-Replayed" not in refused
    return first, again


def count(superuser: Any, table: str, where: str = "true", *values: Any) -> int:
    with superuser.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table} WHERE {where}", values)
        return int(cursor.fetchone()[0])


RECORDED = [
    ("add_note", "accepted"),
    ("set_external_ref", "accepted"),
    ("record_attempt", "accepted"),
    ("record_report", "accepted"),
    ("record_disclosure", "accepted"),
    ("record_rights", "accepted"),
]


@pytest.mark.parametrize(("act", "state"), RECORDED)
def test_a_record_with_a_key_is_kept_once(
    act: str, state: str, story: Story, api: Any, superuser: Any
) -> None:
    story.accept()
    path = f"/v1/referrals/{story.id}/{act}"
    before = count(superuser, "referral_event", "referral_id = %s", story.id)
    first, again = twice(api("ywca.worker"), path, routes.body_for(f"/{act}"))
    assert first.json()["id"] == again.json()["id"]
    assert count(superuser, "referral_event", "referral_id = %s", story.id) == before + 1


def test_a_release_with_a_key_is_recorded_once(story: Story, api: Any, superuser: Any) -> None:
    story.accept()
    path, body = f"/v1/referrals/{story.id}/put_release", routes.body_for("/put_release")
    before = count(superuser, "referral_event", "referral_id = %s", story.id)
    first, again = twice(api("police.worker"), path, body, body | {"fields": ["name"]})
    assert first.json() == again.json()
    assert first["ETag"] == again["ETag"]
    assert count(superuser, "release", "referral_id = %s", story.id) == 1
    assert count(superuser, "referral_event", "referral_id = %s", story.id) == before + 1
    without = api("police.worker").post(path, body)
    assert without.status_code == 200
    assert count(superuser, "release", "referral_id = %s", story.id) == 2, "without a key, two"


def test_a_notice_release_and_a_return_release_with_a_key_are_recorded_once(
    story: Story, api: Any, superuser: Any
) -> None:
    draft = Story(api, service_of("sarc"), sender="ywca.worker").create()
    twice(
        api("ywca.worker"),
        f"/v1/referrals/{draft.id}/put_notice_release",
        notice_release_body(),
    )
    assert count(superuser, "release", "referral_id = %s", draft.id) == 1
    story.accept()
    twice(
        api("ywca.worker"),
        f"/v1/referrals/{story.id}/put_return_release",
        routes.body_for("/put_return_release"),
    )
    assert count(superuser, "release", "direction = 'return'") == 1


def test_a_replay_answers_whatever_became_of_the_referral(
    story: Story, api: Any, superuser: Any
) -> None:
    """A retry after the end does not hear that the state forbids what was done."""
    story.accept()
    body, officer = routes.body_for("/put_release"), api("police.worker")
    first = officer.act(story.id, "put_release", body, Idempotency_Key="k", If_Match="*")
    assert first.status_code == 200
    story.sends("withdraw", {"code": "other"})
    again = officer.act(story.id, "put_release", body, Idempotency_Key="k", If_Match="*")
    assert (again.status_code, again.json()["status"]) == (200, "withdrawn")
    assert again["Idempotency-Replayed"] == "true"


def test_please_call_with_a_key_is_asked_once_however_late_it_is_sent_again(
    story: Story, api: Any, superuser: Any, shift_clock: Any
) -> None:
    """Twice within five minutes is once without a key as well."""
    story.accept()
    ask = api("police.worker")
    assert ask.act(story.id, "call_me", {}, Idempotency_Key="k").status_code == 200
    shift_clock("6 minutes")
    again = ask.act(story.id, "call_me", {}, Idempotency_Key="k")
    assert (again.status_code, again["Idempotency-Replayed"]) == (200, "true")
    asked = ("referral_id = %s AND act = 'call_me'", story.id)
    assert count(superuser, "referral_event", *asked) == 1
    assert ask.act(story.id, "call_me", {}).status_code == 200
    assert count(superuser, "referral_event", *asked) == 2


def test_a_failed_hand_off_with_a_key_starts_the_clock_again_once(
    story: Story, api: Any, superuser: Any, shift_clock: Any
) -> None:
    story.accept().answers("start_handoff", {"mode": "phone"})
    worker = api("ywca.worker")
    assert worker.act(story.id, "handoff_failed", {}, Idempotency_Key="k").status_code == 200
    shift_clock("6 minutes")
    assert worker.act(story.id, "handoff_failed", {}, Idempotency_Key="k").status_code == 200
    failed = ("referral_id = %s AND act = 'handoff_failed'", story.id)
    assert count(superuser, "referral_event", *failed) == 1


# -- What belongs to no referral -------------------------------------------------------------------


def test_a_webhook_with_a_key_is_made_once_and_its_secret_shown_once(
    api: Any, receiver: Receiver, superuser: Any
) -> None:
    admin = api("ywca.admin")
    other = {"url": receiver.url + "/other"}
    first, again = twice(admin, "/v1/webhooks", {"url": receiver.url}, other)
    assert first.json() | {"secret": None} == again.json()
    assert first.json()["secret"].startswith("whsec_")
    assert len(admin.get("/v1/webhooks").json()["items"]) == 1
    path = f"/v1/webhooks/{first.json()['id']}"
    rotated, replayed = twice(admin, f"{path}/rotate")
    assert rotated.json()["secret"]
    assert replayed.json()["secret"] is None
    assert count(superuser, "webhook_secret") == 2
    pinged, once = twice(admin, f"{path}/ping")
    assert pinged.json() == once.json()
    assert admin.delete(path).status_code == 204
    gone = admin.post(f"{path}/ping", Idempotency_Key=str(uuid4()))
    assert gone.status_code == 404


def test_a_webhook_goes_back_once_for_a_key(story: Story, api: Any, receiver: Receiver) -> None:
    admin = api("ywca.admin")
    hook = admin.post("/v1/webhooks", {"url": receiver.url}).json()
    story.accept()
    first = api("ywca.worker").get("/v1/events").json()["items"][0]
    body, unknown = {"event_id": first["id"]}, {"event_id": routes.NOBODY}
    twice(admin, f"/v1/webhooks/{hook['id']}/replay", body, unknown)


def test_a_replay_is_authorized_again(api: Any, receiver: Receiver) -> None:
    body, headers = {"url": receiver.url}, {"Idempotency_Key": "one key"}
    may = narrow(api, "ywca", None, "webhooks:write")
    assert may.post("/v1/webhooks", body, **headers).status_code == 201
    again = narrow(api, "ywca", None, "webhooks:write").post("/v1/webhooks", body, **headers)
    assert (again.status_code, again["Idempotency-Replayed"]) == (201, "true")
    lost = narrow(api, "ywca", None, "referrals:read").post("/v1/webhooks", body, **headers)
    assert lost.status_code == 403
    assert "Idempotency-Replayed" not in lost
    # A key is one caller's own: of another it is a new request.
    taken = api("ywca.admin").post("/v1/webhooks", body, **headers)
    assert (taken.status_code, taken.json()["code"]) == (409, "webhook_exists")


def test_a_code_and_a_test_with_a_key_are_sent_once(api: Any, phones: PhoneProvider) -> None:
    worker = api("ywca.worker")
    unproven = add(api, "ywca.worker", "sms", "406-555-0142")
    first, again = twice(worker, f"/v1/channels/{unproven}/code")
    assert first.json() == again.json()
    work()
    assert len(phones.to("+14065550142")) == 1
    proven = keep(api, "ywca.worker", "sms", "406-555-0143")
    twice(worker, f"/v1/channels/{proven}/ring")
    work()
    assert len(phones.to("+14065550143")) == 1


@pytest.mark.parametrize("who", ["ywca.admin", "ywca.auditor", "ywca.editor"])
def test_whoever_has_a_channel_has_keys_of_their_own(who: str, api: Any) -> None:
    """Keys of what belongs to no referral need no casework."""
    channel = add(api, who, "sms", "406-555-0144")
    twice(api(who), f"/v1/channels/{channel}/code")


def test_an_opt_in_with_a_key_is_given_once(api: Any, superuser: Any) -> None:
    body = opt_in()
    first, again = twice(api("police.admin"), OPT_INS, body, opt_in(days=8))
    assert first.json() == again.json()
    assert count(superuser, "log_opt_in", "id = %s", first.json()["id"]) == 1


def test_a_block_ends_the_keys_of_whom_it_bars(story: Story, api: Any, superuser: Any) -> None:
    """A known key would tell the barred that the referral is still there (R12)."""
    story.accept()
    note, worker = {"text": "a note"}, api("ywca.worker")
    made = worker.act(story.id, "add_note", note, Idempotency_Key="k")
    assert made.status_code == 201
    assert count(superuser, "idempotency_key") == 1
    body = {"member_id": str(member_id("ywca.worker"))}
    assert api("ywca.lead").act(story.id, "take_over", {"reason": "holder_away"}).status_code == 200
    assert api("ywca.lead").act(story.id, "block", body).status_code == 200
    assert count(superuser, "idempotency_key") == 0
    again = worker.act(story.id, "add_note", note, Idempotency_Key="k")
    assert again.status_code == 404
    assert "Idempotency-Replayed" not in again


# -- Twenty at once --------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["note", "release", "webhook", "code"])
def test_twenty_at_once_with_one_key_make_one(
    what: str, story: Story, api: Any, receiver: Receiver, superuser: Any
) -> None:
    story.accept()
    channel = add(api, "ywca.worker", "sms", "406-555-0145")
    who, path, body, table = {
        "note": ("ywca.worker", f"/v1/referrals/{story.id}/add_note", {"text": "once"}, "note"),
        "release": (
            "police.worker",
            f"/v1/referrals/{story.id}/put_release",
            routes.body_for("/put_release"),
            "release",
        ),
        "webhook": ("ywca.admin", "/v1/webhooks", {"url": receiver.url}, "webhook_endpoint"),
        "code": ("ywca.worker", f"/v1/channels/{channel}/code", {}, "channel_code"),
    }[what]
    callers = [api(who) for _ in range(20)]
    before = count(superuser, table)

    def go(caller: Caller) -> Any:
        try:
            return caller.post(path, body, Idempotency_Key="one key")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(go, callers))
    done = [one for one in answers if one.status_code < 300]
    waits = [one for one in answers if one.status_code in (409, 503)]
    assert len(done) + len(waits) == 20, {one.status_code for one in answers}
    assert sum("Idempotency-Replayed" not in one for one in done) == 1, "one of them made it"
    # Names of webhooks are looked up a few at a time, before the key is looked at.
    assert {one.json()["code"] for one in waits} <= {"in_flight", "lookups_busy"}
    assert all(int(one["Retry-After"]) >= 1 for one in waits)
    assert count(superuser, table) == before + 1


@pytest.mark.no_database
def test_each_act_that_keeps_a_record_takes_a_key() -> None:
    assert {name for name, act in ACTS.items() if act.repeat == "keyed"} == {
        *(KEYED & set(ACTS)),
        "create",
    }
