"""No access entry, no data (R11): what is written, what never is, and what happens when it cannot.

The tests read the log as the cluster's superuser, because no other role may read all of it.
"""

import hashlib
import json
import re
from datetime import UTC
from typing import Any
from uuid import UUID, uuid4

from permissions.identity import credentials
from tests.access_log.entries import entries as entries  # a fixture
from tests.access_log.entries import kept
from tests.support.ground.database import (
    full_story,
    phone_only_service,
)
from tests.support.people.access_log import (
    handle,
    one,
    the_log_is_full,
)
from tests.support.people.callers import agency_id, member_id
from tests.support.people.desk_pages import Pages, at_the_desk
from tests.support.people.stories import PACKET, Story, release_body
from tests.support.proofs import routes

CALLBACK = "406-555-0123"
NOTE = "a note of invented marker words"


# -- One entry for each ----------------------------------------------------------------------------


def test_each_act_and_each_read_is_one_entry_with_who_what_and_why(
    story: Story, api: Any, entries: Any, superuser: Any
) -> None:
    def said(who: str, act: str, answer: Any, **columns: Any) -> None:
        assert answer.status_code in (200, 201), (act, answer.content)
        (entry,) = entries(answer)
        key = who.split(".")[0]
        expected = {
            "agency_id": str(agency_id(key)),
            "member_id": str(member_id(who)),
            "client_id": None,
            "act": act,
            "purpose": None,
            "decision": "allowed",
            "rule": None,
            "address_prefix": "127.0.0.0/24",
        } | columns
        assert {name: entry[name] for name in expected} == expected

    police, ywca = api("police.worker"), api("ywca.worker")
    notice = routes.BODIES["put_notice"] | {"callback": CALLBACK}
    answer = police.post("/v1/referrals", notice | {"service_id": story.service_id})
    story.id = answer.json()["id"]
    about = {"referral_id": story.id, "subject": handle(superuser, story.id, "police")}
    said("police.worker", "referral.create", answer, **about)

    for act, body, more in (
        ("put_notice", notice, {}),
        ("send", {"agreement": "agrees"}, {}),
        ("put_release", release_body("name", "phone"), {"fields": ["name", "phone"]}),
        (
            "put_packet",
            {"packet": {"name": PACKET["name"]}},
            {"fields": ["name"], "purpose": "receive_service"},  # it gives it to the other agency
        ),
        ("add_note", {"text": NOTE}, {}),
    ):
        answer = police.act(story.id, act, body)
        said("police.worker", f"referral.{act}", answer, **about, **more)
    said("ywca.worker", "referral.acknowledge", ywca.act(story.id, "acknowledge"))
    about = {"referral_id": story.id, "subject": handle(superuser, story.id, "ywca")}
    release = str(one(superuser, "SELECT id FROM release"))
    opened = {"purpose": "intake", "fields": ["name"], "release_id": release}
    for act, body, more in (
        ("accept", {}, {}),
        ("open_packet", {"purpose": "intake"}, opened),
        ("start_handoff", {"mode": "phone"}, {}),
        ("add_note", {"text": NOTE}, {}),
        ("open_notes", {"purpose": "review"}, {"purpose": "review"}),
        ("revoke_release", {"via": "oral"}, {}),
        ("complete", {"outcome": "served"}, {}),
    ):
        answer = ywca.act(story.id, act, body)
        said("ywca.worker", f"referral.{act}", answer, **about, **more)
    said("ywca.worker", "referral.read", ywca.get(f"/v1/referrals/{story.id}"), **about)
    said("ywca.worker", "referral.history", ywca.get(f"/v1/referrals/{story.id}/history"), **about)
    said("ywca.worker", "referral.list", ywca.get("/v1/referrals"), referral_ids=[story.id])
    call = {"service_id": phone_only_service(), "outcome": "full", "put_through": False}
    said("ywca.worker", "call_record.create", ywca.post("/v1/call-records", call))
    said("ywca.worker", "call_record.list", ywca.get("/v1/call-records"))
    said("ywca.auditor", "access_log.read", api("ywca.auditor").get("/v1/access-log"))

    everything = one(superuser, "SELECT string_agg(e::text, ' ') FROM access_entry e")
    told = [value for value in (PACKET["name"], CALLBACK, NOTE) if value in everything]
    # As a word: a refusal's code may hold one of them (webhooks_full).
    told += [code for code in ("served", "full", "oral") if re.search(rf"\b{code}\b", everything)]
    assert told == [], "the log holds codes and ids, no values"


def test_a_client_and_the_member_it_names_both_stand_in_the_entry(
    story: Story, api: Any, entries: Any
) -> None:
    story.send()
    (entry,) = entries(api("ywca.client", "ywca.worker2").act(story.id, "accept"))
    assert entry["client_id"] is not None
    assert entry["member_id"] == str(member_id("ywca.worker2"))
    (entry,) = entries(api("ywca.client").get("/v1/referrals"))
    assert kept(entry, "member_id", "referral_ids") == (None, [story.id])


def test_a_list_logs_the_ids_it_shows_and_those_only(story: Story, api: Any, entries: Any) -> None:
    mine = [Story(api, story.service_id).send().id for _ in range(5)]
    Story(api, story.service_id, sender="hospital.worker").send()
    police = api("police.worker")
    page = police.get("/v1/referrals", {"limit": "2"})
    while True:
        (entry,) = entries(page)
        shown = [item["id"] for item in page.json()["items"]]
        assert entry["referral_ids"] == shown
        assert set(shown) <= set(mine)
        if page.json()["next"] is None:
            break
        page = police.get("/v1/referrals", {"limit": "2", "cursor": page.json()["next"]})


def test_each_refusal_is_one_entry_that_says_by_which_rule(
    story: Story, api: Any, entries: Any
) -> None:
    story.accept().release().packet(**PACKET)
    packet, referral = {"purpose": "safety"}, f"/v1/referrals/{story.id}"
    nowhere = uuid4()
    refusals = (
        (api("outsider.worker").get(referral), 404, "referral.read", "not_found"),
        (api("police.auditor").get(referral), 404, "referral.read", "not_found"),
        (api("outsider.worker").act(story.id, "open_packet", packet), 404, None, "not_found"),
        (api("ywca.worker2").act(story.id, "open_packet", packet), 403, None, "not_assigned"),
        (api("ywca.lead").act(story.id, "open_notes", packet), 403, None, "not_assigned"),
        (api("police.worker").act(story.id, "accept"), 403, None, "wrong_side"),
        (api("ywca.client").act(story.id, "stop"), 403, None, "acting_member_needed"),
        (api("ywca.worker").act(story.id, "acknowledge"), 409, None, "wrong_state"),
        (api("ywca.worker").act(story.id, "stop", If_Match='"old"'), 412, None, "stale"),
        (api("police.worker").get("/v1/access-log"), 403, "access_log.read", "role_missing"),
        (api("police.admin").get("/v1/call-records"), 403, "call_record.list", "role_missing"),
        (api("police.worker").get(f"/v1/referrals/{nowhere}"), 404, None, "not_found"),
    )
    for answer, status, act, rule in refusals:
        assert answer.status_code == status, (rule, answer.content)
        (entry,) = entries(answer)
        assert kept(entry, "decision", "rule") == ("refused", rule)
        assert act in (None, entry["act"])
        if "access_log" not in entry["act"] and "call" not in entry["act"]:
            assert entry["referral_id"] in (story.id, str(nowhere))
        if rule == "not_assigned":
            assert entry["purpose"] == "safety"


def test_whoever_cannot_be_named_is_in_the_log_too(api: Any, entries: Any) -> None:
    """The first of a minute and network; the others are counted (test_counted_refusals)."""
    gone = api("police.worker")
    credentials.end_credential(gone.secret)
    unknown = api(None)
    unknown.secret = "x" * 40
    basic = {"HTTP_AUTHORIZATION": "Basic cG9saWNlOng="}
    for number, caller in enumerate((api(None), unknown, gone, None)):
        network = {"REMOTE_ADDR": f"203.0.{number}.7"}
        if caller is None:
            answer = api(None).http.get("/v1/referrals", **network, **basic)
        else:
            caller.http.defaults |= network
            answer = caller.get("/v1/referrals")
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == "Bearer"
        (entry,) = entries(answer)
        assert kept(entry, "act", "decision", "rule", "agency_id", "member_id") == (
            "api.authenticate",
            "refused",
            "not_authenticated",
            None,
            None,
        )
    answer = api("police.client", "ywca.worker").get("/v1/referrals")
    assert answer.status_code == 403
    (entry,) = entries(answer)
    assert kept(entry, "rule", "agency_id", "member_id") == (
        "acting_member_unknown",
        str(agency_id("police")),
        None,
    )
    answer = api(None).http.post("/oauth/token", {"grant_type": "client_credentials"})
    assert answer.status_code == 401


def test_a_form_that_may_be_forged_is_an_entry_of_hers_in_whose_session_it_came(
    entries: Any, superuser: Any
) -> None:
    ywca = at_the_desk("ywca.worker").http
    for path, act in (("/v1/call-records", "api.authenticate"), ("/desk/said_no", "desk.open")):
        answer = ywca.post(path, "{}", content_type="application/json")
        assert answer.status_code == 403
        (entry,) = entries(answer)
        assert kept(entry, "act", "decision", "rule", "agency_id", "member_id") == (
            *(act, "refused", "csrf"),
            *(str(agency_id("ywca")), str(member_id("ywca.worker"))),
        )
        with the_log_is_full():
            assert ywca.post(path, "{}", content_type="application/json").status_code == 503
    ended = ywca.session["credential"]
    credentials.end_credential(ended)
    (entry,) = entries(ywca.post("/desk/said_no", {}))
    assert kept(entry, "act", "rule", "member_id") == ("desk.open", "csrf", None)
    before = one(superuser, "SELECT count(*) FROM access_entry")
    stranger = Pages().http
    for path in ("/accounts/login", "/desk/said_no", "/accounts/logout"):
        assert stranger.post(path, {}).status_code == 403
    assert one(superuser, "SELECT count(*) FROM access_entry") == before, "no visitor can fill it"


# -- The leaf --------------------------------------------------------------------------------------

# The columns in the order of sec.entry_leaf (permissions/sql); RFC 9162, section 2.1.1.
LEAF = (
    *("id", "at", "agency_id", "member_id", "client_id", "act", "purpose", "referral_id"),
    *("referral_ids", "subject", "fields", "release_id", "directory_id", "decision", "rule"),
    *("request_id", "address_prefix", "xact"),
)


def leaf_of(row: dict[str, Any]) -> bytes:
    def text(value: Any) -> str | None:
        match value:
            case None | str():
                return value
            case list():
                return ",".join(str(each) for each in value)
            case UUID() | int():
                return str(value)
        moment = value.astimezone(UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}Z"

    content = [text(row[name]) for name in LEAF]
    plain = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(b"\x00" + plain.encode()).digest()


def test_the_leaf_is_the_hash_of_what_the_row_says(story: Story, api: Any, superuser: Any) -> None:
    full_story(story, api)
    api("ywca.worker").act(story.id, "open_packet", {"purpose": "intake"})
    api("outsider.worker").get(f"/v1/referrals/{story.id}")
    api(None).get("/v1/referrals")
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute"
            " WHERE attrelid = 'access_entry'::regclass AND attnum > 0"
        )
        assert set(cursor.fetchone()[0]) == {*LEAF, "leaf"}, "no column outside the hash"
        cursor.execute(f"SELECT {', '.join(LEAF)}, leaf FROM access_entry")
        rows = cursor.fetchall()
    assert len(rows) >= 20  # what one story leaves
    for *values, leaf in rows:
        assert leaf_of(dict(zip(LEAF, values, strict=True))) == bytes(leaf)
