"""No access entry, no data (R11): what is written, what never is, and what happens when it cannot.

The log is read here by the cluster's superuser, since nobody else may read all of it.
"""

import hashlib
import json
import re
from datetime import UTC
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, connections

from permissions.identity import credentials
from tests.support import routes
from tests.support.access_log import (
    everything_stored,
    handle,
    no_right_to_write,
    one,
    read_all,
    the_log_is_full,
)
from tests.support.callers import agency_id, member_id
from tests.support.client_assertions import assertion, token_request
from tests.support.database import (
    as_app,
    full_story,
    identify,
    opening,
    phone_only_service,
    refused,
    refused_for_want_of_rights,
)
from tests.support.desk_pages import Pages, at_the_desk
from tests.support.stories import PACKET, Story, release_body

CALLBACK = "406-555-0123"
NOTE = "a note of invented marker words"


@pytest.fixture
def entries(superuser: Any) -> Any:
    """What the log says of one request, as dictionaries: `entries(answer)`."""

    def of(answer: Any) -> list[dict[str, Any]]:
        with superuser.cursor() as cursor:
            cursor.execute(
                "SELECT to_jsonb(e) FROM access_entry e WHERE request_id = %s ORDER BY id",
                [answer["X-Request-Id"]],
            )
            return [row for (row,) in cursor.fetchall()]

    return of


def kept(entry: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(entry[name] for name in names)


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
    gone = api("police.worker")
    credentials.end_credential(gone.secret)
    nobody, unknown = api(None), api(None)
    unknown.secret = "x" * 40
    for caller in (nobody, unknown, gone):
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
    answer = nobody.http.get("/v1/referrals", headers={"Authorization": "Basic cG9saWNlOng="})
    assert answer.status_code == 401
    assert len(entries(answer)) == 1
    answer = api("police.client", "ywca.worker").get("/v1/referrals")
    assert answer.status_code == 403
    (entry,) = entries(answer)
    assert kept(entry, "rule", "agency_id", "member_id") == (
        "acting_member_unknown",
        str(agency_id("police")),
        None,
    )
    answer = nobody.http.post("/oauth/token", {"grant_type": "client_credentials"})
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
    assert one(superuser, "SELECT count(*) FROM access_entry") == before, "nobody fills it"


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
        assert answer.json()["code"] == "log"
        assert answer.json()["safety_lines"]
        assert answer["Retry-After"] == "30"
    assert {answer.content for answer in real} == {answer.content for answer in random}
    assert everything_stored(superuser) == before


def test_without_the_right_to_write_an_entry_nothing_is_shown_and_nothing_changes(
    story: Story, api: Any, superuser: Any
) -> None:
    """Only `app` is cut off here: a refusal is written by `gate` and stays the refusal it was."""
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


# -- Nobody writes in another's name ---------------------------------------------------------------


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
    denial = "SELECT sec.log_denial(%s, 'referral.read', 'not_found', NULL, NULL, NULL, NULL, NULL)"
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


# -- Who reads it ----------------------------------------------------------------------------------


def test_an_auditor_reads_the_own_peoples_entries_and_never_the_other_sides(
    story: Story, api: Any, superuser: Any
) -> None:
    full_story(story, api)
    api("ywca.worker").act(story.id, "open_packet", {"purpose": "intake"})
    api("outsider.worker").get(f"/v1/referrals/{story.id}")
    for key in ("police", "ywca", "outsider"):
        found = read_all(api(f"{key}.auditor"), {"referral_id": story.id})
        assert found, key
        ids = [item["id"] for item in found]
        others = one(
            superuser,
            "SELECT count(*) FROM access_entry WHERE id = ANY (%s::uuid[])"
            " AND agency_id IS DISTINCT FROM %s",
            [ids, str(agency_id(key))],
        )
        assert others == 0
    police = read_all(api("police.auditor"), {"referral_id": story.id})
    assert {item["act"] for item in police}.isdisjoint({"referral.accept", "referral.open_packet"})
    assert handle(superuser, story.id, "ywca") not in json.dumps(police)
    ours = read_all(api("ywca.auditor"), {"referral_id": story.id, "act": "referral.open_packet"})
    assert [(item["member_name"], item["purpose"]) for item in ours] == [("Yve Example", "intake")]
    text = json.dumps(read_all(api("ywca.auditor")))
    for value in PACKET.values():
        assert value not in text


@pytest.mark.parametrize(
    "query",
    [
        {"act": "referral.read\x00"},
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "9" * 5000},
        {"limit": "٥"},
        {"decision": "maybe"},
        {"since": "yesterday"},
        {"since": "2026-01-01T00:00:00"},
        {"member_id": "police.worker"},
        {"cursor": "AAAA"},
        {"agency_id": "every"},
    ],
)
def test_a_filter_that_makes_no_sense_is_refused_never_ignored(api: Any, query: Any) -> None:
    assert api("police.auditor").get("/v1/access-log", query).status_code == 400
    if {"limit", "cursor"} & set(query):
        assert api("police.worker").get("/v1/referrals", query).status_code == 400


def test_reading_the_log_is_in_the_log(api: Any) -> None:
    auditor = api("police.auditor")
    first = auditor.get("/v1/access-log")
    second = read_all(auditor, {"act": "access_log.read", "limit": "1"})
    assert first["X-Request-Id"] in {item["request_id"] for item in second}


@pytest.mark.parametrize(
    ("who", "acting"),
    [
        ("police.worker", None),
        ("police.lead", None),
        ("police.admin", None),
        ("taskforce.coordinator", None),
        ("police.client", None),
        ("police.client", "police.worker"),
    ],
)
def test_nobody_but_an_auditor_reads_it(api: Any, who: str, acting: str | None) -> None:
    assert api(who, acting).get("/v1/access-log").status_code == 403


def test_an_auditors_query_reaches_no_other_agencys_row_even_when_it_is_injected(
    story: Story, api: Any
) -> None:
    story.accept()
    with connections["auditor"].cursor() as cursor:
        for who, expected in (
            ("police.auditor", {agency_id("police")}),
            ("taskforce.auditor", {agency_id("taskforce")}),
            ("police.worker", set()),
            (None, set()),
        ):
            caller = api(who)
            if who == "taskforce.auditor":
                caller.get("/v1/access-log")
            cursor.execute("BEGIN")
            identify(cursor, caller)
            cursor.execute("SELECT DISTINCT agency_id FROM access_entry")
            seen = {agency for (agency,) in cursor.fetchall()}
            cursor.execute("ROLLBACK")
            assert seen == expected, who


# -- The leaf --------------------------------------------------------------------------------------

# The columns in the order of sec.leaf (permissions/sql); RFC 9162, section 2.1.1.
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
