"""The token endpoint and what a token is good for: partner systems over real sockets (RFC 7523)."""

from typing import Any
from uuid import uuid4, uuid5

import pytest
import requests

from api.dev import demo
from permissions.identity import credentials, row_macs
from permissions.models import Client
from tests.identity.token_requests import ask, credentials_held, entries, get, token
from tests.support.ground.database import turned_off
from tests.support.ground.live_server import Server
from tests.support.people.binding import changed
from tests.support.people.callers import agency_id, member_id, narrow
from tests.support.people.client_assertions import assertion, token_request
from tests.support.people.stories import Story

# -- Issue -----------------------------------------------------------------------------------------


def test_a_good_assertion_gets_a_token_of_five_minutes_at_most(
    server: Server, superuser: Any
) -> None:
    client = server.client("police")
    answer = ask(server, token_request(assertion(client, server.demo["token_url"])))
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    issued = answer.json()
    assert issued["token_type"] == "Bearer"
    assert 0 < issued["expires_in"] <= 300
    assert set(issued["scope"].split()) == set(client["scopes"])
    (entry,) = entries(superuser, answer)
    assert (entry["act"], entry["decision"]) == ("token.issue", "allowed")
    assert entry["client_id"] == str(uuid5(demo.NAMESPACE, "client police"))
    with superuser.cursor() as cursor:
        cursor.execute("SELECT c::text, expires_at - created_at FROM credential c")
        row, lifetime = cursor.fetchone()
    assert issued["access_token"] not in row, "only its hash is kept"
    assert lifetime.total_seconds() <= 300
    assert get(server, issued["access_token"]).status_code == 200


def test_a_subset_of_the_scopes_is_honoured_and_more_is_refused(
    server: Server, superuser: Any
) -> None:
    client, url = server.client("ywca"), server.demo["token_url"]
    answer = ask(server, token_request(assertion(client, url), scope="referrals:read"))
    assert answer.json()["scope"] == "referrals:read"
    acting = {"Acting_Member": str(member_id("ywca.worker"))}
    secret = answer.json()["access_token"]
    assert get(server, secret, **acting).status_code == 200
    assert get(server, secret, "/v1/access-log").status_code == 403
    before = credentials_held(superuser)
    for scope in ("audit:read", "referrals:read audit:read", "admin", "*"):
        answer = ask(server, token_request(assertion(client, url), scope=scope))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope"), scope
        (entry,) = entries(superuser, answer)
        assert (entry["decision"], entry["rule"]) == ("refused", "scope_missing")
    assert credentials_held(superuser) == before


def test_no_token_reads_the_log_and_does_what_stands_in_it(server: Server, superuser: Any) -> None:
    """Nor for a client that has held both since before the two excluded each other."""
    client, url = server.client("ywca"), server.demo["token_url"]
    id_ = [str(uuid5(demo.NAMESPACE, "client ywca"))]
    name = "audit_read_stands_alone"
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", [name]
        )
        (rule,) = cursor.fetchone()
        cursor.execute(f"ALTER TABLE permissions_client DROP CONSTRAINT {name}")
        cursor.execute(
            "UPDATE permissions_client SET scopes = scopes || '{audit:read}' WHERE id = %s", id_
        )
        row_macs.sign(Client.objects.get(id=id_[0]), "signin")
        try:
            for scope in ({}, {"scope": "audit:read packets:read"}):
                answer = ask(server, token_request(assertion(client, url), **scope))
                assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope"), scope
                (entry,) = entries(superuser, answer)
                assert (entry["decision"], entry["rule"]) == ("refused", "scope_missing")
            secret = token(server, "ywca", scope="audit:read")
            assert get(server, secret, "/v1/access-log").status_code == 200
        finally:
            cursor.execute(
                "UPDATE permissions_client SET scopes = array_remove(scopes, 'audit:read')"
                " WHERE id = %s",
                id_,
            )
            cursor.execute(f"ALTER TABLE permissions_client ADD CONSTRAINT {name} {rule}")
            row_macs.sign(Client.objects.get(id=id_[0]), "signin")


def test_the_endpoint_speaks_json_whatever_is_asked(server: Server) -> None:
    url = server.demo["token_url"]
    form = token_request(assertion(server.client("police"), url))
    for answer in (
        ask(server, form),
        ask(server, {}),
        ask(server, {"grant_type": "password"}),
        ask(server, {"grant_type": "client_credentials"}),
        requests.post(f"{url}?x=1", data=form, timeout=30),
    ):
        assert answer.headers["Content-Type"] == "application/json", answer.text
        assert answer.json().keys() & {"access_token", "error"}


@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "options"])
def test_only_a_post_is_answered_and_the_rest_is_told_so(server: Server, method: str) -> None:
    answer = requests.request(method, server.demo["token_url"], timeout=30)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    assert answer.headers["Content-Type"] == "application/problem+json"
    if method != "head":
        assert answer.json()["code"] == "method_not_allowed"


# -- The end of a token ----------------------------------------------------------------------------


def test_a_token_ends_with_its_client_its_agency_and_its_own_end(
    server: Server, superuser: Any, shift_clock: Any
) -> None:
    secret = token(server)
    client_id = uuid5(demo.NAMESPACE, "client police")
    assert get(server, secret).status_code == 200
    for table, alias, row in (
        ("permissions_client", "signin", client_id),
        ("permissions_agency", "jobs", agency_id("police")),
    ):
        with turned_off(alias, table, "active", row):
            answer = get(server, secret)
            assert answer.status_code == 401, table
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            # The first of the minute, before the token request below (access_log/counted_refusals).
            assert len(entries(superuser, answer)) == (table == "permissions_client")
            fresh = ask(
                server, token_request(assertion(server.client("police"), server.demo["token_url"]))
            )
            assert fresh.status_code == 401, table
        assert get(server, secret).status_code == 401, "what ended stays ended"
        secret = token(server)
        assert get(server, secret).status_code == 200
    shift_clock("4 minutes 50 seconds")
    assert get(server, secret).status_code == 200
    shift_clock("5 minutes 1 second")
    assert get(server, secret).status_code == 401
    shift_clock("0")
    assert get(server, secret).status_code == 200
    credentials.end_credential(secret)
    assert get(server, secret).status_code == 401


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer short",
        "Bearer {} {}",
        "Basic {}",
        "Token {}",
        "Bearer {}%00",
        "Bearer " + "x" * 300,
    ],
)
def test_a_header_that_is_no_token_is_401(server: Server, header: str) -> None:
    secret = token(server)
    headers = {"Authorization": header.replace("{}", secret)}
    answer = requests.get(f"{server.base_url}/v1/referrals", headers=headers, timeout=30)
    assert answer.status_code == 401
    assert answer.json()["code"] == "not_authenticated"


# -- Who acts --------------------------------------------------------------------------------------


def test_a_client_names_a_live_member_of_its_own_agency_or_is_refused(
    server: Server, superuser: Any
) -> None:
    secret = token(server)
    own = member_id("police.worker")
    assert get(server, secret, Acting_Member=str(own)).status_code == 200
    for stranger in (member_id("ywca.worker"), uuid4()):
        answer = get(server, secret, Acting_Member=str(stranger))
        assert (answer.status_code, answer.json()["code"]) == (403, "acting_member_unknown")
        (entry,) = entries(superuser, answer)
        assert (entry["decision"], entry["rule"]) == ("refused", "acting_member_unknown")
        assert entry["agency_id"] == str(agency_id("police"))
        assert entry["client_id"] == str(uuid5(demo.NAMESPACE, "client police"))
    with turned_off("jobs", "permissions_membership", "active", own):
        answer = get(server, secret, Acting_Member=str(own))
        assert answer.status_code == 403
    for malformed in ("police.worker", "' OR true --", "0" * 40):
        answer = get(server, secret, Acting_Member=malformed)
        assert (answer.status_code, answer.json()["code"]) == (400, "acting_member")
    assert get(server, "x" * 40, Acting_Member=str(own)).status_code == 401


def test_a_client_acts_with_no_more_than_the_roles_of_whom_it_names(story: Story, api: Any) -> None:
    story.accept().release().packet(name="Invented Person")
    path = f"/v1/referrals/{story.id}"
    for acting in ("ywca.auditor", "ywca.admin"):
        client = api("ywca.client", acting)
        assert client.get(path).status_code == 404
        assert client.get("/v1/referrals").json()["items"] == []
        assert client.act(story.id, "open_packet", {"purpose": "intake"}).status_code == 404
    assert api("ywca.client", "ywca.worker2").get(path).status_code == 200
    for act, body in (("open_packet", {"purpose": "intake"}), ("complete", {"outcome": "served"})):
        answer = api("ywca.client", "ywca.worker2").act(story.id, act, body)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_assigned")


def test_each_scope_opens_its_own_signin_and_no_other(
    story: Story, api: Any, superuser: Any
) -> None:
    story.accept().release().packet(name="Invented Person")
    new = {"urgency": "urgent", "needs": ["shelter"], "callback": "406-555-0111"}
    new["service_id"] = story.service_id
    packet, path = {"purpose": "intake"}, f"/v1/referrals/{story.id}"

    none = narrow(api, "ywca", "ywca.worker", "directory:read", "events:read")
    for hidden in ("/v1/referrals", path, "/v1/call-records"):
        answer = none.get(hidden)
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing"), hidden

    reads = narrow(api, "ywca", "ywca.worker", "referrals:read")
    assert reads.get(path).status_code == 200
    for act, body in (("stop", {}), ("add_note", {"text": "x"}), ("open_packet", packet)):
        answer = reads.act(story.id, act, body)
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing"), act

    opens = narrow(api, "ywca", "ywca.worker", "referrals:read", "packets:read")
    assert opens.act(story.id, "open_packet", packet).status_code == 200
    assert opens.act(story.id, "stop").status_code == 403

    only_reads = narrow(api, "police", "police.worker", "referrals:read")
    assert only_reads.post("/v1/referrals", new).status_code == 403

    # What it makes it could not be shown: refused as a whole, nothing is left behind.
    only_writes = narrow(api, "police", "police.worker", "referrals:write")
    answer = only_writes.post("/v1/referrals", new)
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    with superuser.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM referral")
        assert cursor.fetchone() == (1,)

    audits = narrow(api, "ywca", "", "audit:read")
    assert audits.get("/v1/access-log").status_code == 200
    answer = audits.get(path)
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


def test_packets_open_through_a_system_of_record_only(story: Story, api: Any) -> None:
    story.accept().release().packet(name="Invented Person")
    client = Client.objects.get(client_id="demo-ywca")
    changed(Client.objects.filter(id=client.id), system_of_record=False)
    try:
        caller = api("ywca.client", "ywca.worker")
        for act in ("open_packet", "open_notes"):
            answer = caller.act(story.id, act, {"purpose": "intake"})
            assert (answer.status_code, answer.json()["code"]) == (403, "not_system_of_record")
    finally:
        changed(Client.objects.filter(id=client.id), system_of_record=True)
