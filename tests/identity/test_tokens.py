"""The token endpoint and what a token is good for: partner systems over real sockets (RFC 7523)."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
import requests
from jwcrypto import jwk
from structlog.testing import capture_logs

from api.dev import demo
from permissions.identity import credentials
from permissions.models import Client
from tests.support.callers import agency_id, member_id, narrow
from tests.support.client_assertions import assertion, claims_of, signed, token_request
from tests.support.database import turned_off
from tests.support.live_server import Server
from tests.support.stories import Story


def ask(server: Server, form: dict[str, Any], **headers: str) -> requests.Response:
    url = server.demo["token_url"]
    return requests.post(url, data=form, headers=headers, timeout=30, allow_redirects=False)


def token(server: Server, key: str = "police", **form: str) -> str:
    client = server.client(key)
    answer = ask(server, token_request(assertion(client, server.demo["token_url"]), **form))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def get(server: Server, secret: str, path: str = "/v1/referrals", **headers: str) -> Any:
    names = {name.replace("_", "-"): text for name, text in headers.items()}
    headers = {"Authorization": f"Bearer {secret}", **names}
    return requests.get(f"{server.base_url}{path}", headers=headers, timeout=30)


def entries(superuser: Any, answer: requests.Response) -> list[dict[str, Any]]:
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT to_jsonb(e) FROM access_entry e WHERE request_id = %s",
            [answer.headers["X-Request-Id"]],
        )
        return [row for (row,) in cursor.fetchall()]


def credentials_held(superuser: Any) -> int:
    with superuser.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM credential")
        count: int = cursor.fetchone()[0]
    return count


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


Forgery = Callable[[dict[str, Any], str], str]


def key_of(client: dict[str, Any]) -> jwk.JWK:
    return jwk.JWK(**client["private_jwk"])


def by_another_key(client: dict[str, Any], url: str) -> str:
    other = jwk.JWK.generate(kty="EC", crv="P-256")
    return signed(claims_of(client, url), other, kid=client["private_jwk"]["kid"])


def with_its_own_key_in_the_header(client: dict[str, Any], url: str) -> str:
    other = jwk.JWK.generate(kty="EC", crv="P-256")
    return signed(claims_of(client, url), other, jwk=other.export_public(as_dict=True))


def _raw(header: dict[str, Any], claims: dict[str, Any] | str, key: bytes) -> str:
    texts = [one if isinstance(one, str) else json.dumps(one) for one in (header, claims)]
    parts = [base64.urlsafe_b64encode(text.encode()) for text in texts]
    body = b".".join(part.rstrip(b"=") for part in parts)
    mac = base64.urlsafe_b64encode(hmac.digest(key, body, hashlib.sha256)) if key else b""
    return (body + b"." + mac.rstrip(b"=")).decode()


def unsigned(client: dict[str, Any], url: str) -> str:
    return _raw({"alg": "none"}, claims_of(client, url), b"")


def by_the_public_key_as_a_secret(client: dict[str, Any], url: str) -> str:
    public = key_of(client).export_to_pem()
    return _raw({"alg": "HS256", "kid": "police-1"}, claims_of(client, url), public)


def changed_after_signing(client: dict[str, Any], url: str) -> str:
    head, _body, mac = assertion(client, url).split(".")
    claims = json.dumps(claims_of(client, url) | {"exp": int(time.time()) + 200}).encode()
    return f"{head}.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.{mac}"


def claiming(**claims: Any) -> Forgery:
    def forge(client: dict[str, Any], url: str) -> str:
        body = {k: v for k, v in (claims_of(client, url) | claims).items() if v is not None}
        return signed(body, key_of(client), kid=client["private_jwk"]["kid"])

    return forge


def minutes(count: int) -> int:
    return int(time.time()) + 60 * count


FORGERIES: dict[str, Forgery] = {
    "another key": by_another_key,
    "a key of its own in the header": with_its_own_key_in_the_header,
    "no signature": unsigned,
    "the public key as a secret": by_the_public_key_as_a_secret,
    "changed after signing": changed_after_signing,
    "expired": lambda client, url: claiming(exp=minutes(-5))(client, url),
    "valid for an hour": lambda client, url: claiming(exp=minutes(60))(client, url),
    "not valid yet": lambda client, url: claiming(nbf=minutes(30))(client, url),
    "no end": claiming(exp=None),
    "an end that is no number": claiming(exp="tomorrow"),
    "an end at infinity": claiming(exp=float("inf")),
    "no jti": claiming(jti=None),
    "an empty jti": claiming(jti=""),
    "a jti that is no text": claiming(jti=["a", "b"]),
    "a jti with a NUL": claiming(jti="abcdefgh\x00"),
    "a jti of a lone surrogate": claiming(jti="abcdefgh\ud800"),
    "another audience": claiming(aud="https://elsewhere.example.org/oauth/token"),
    "no audience": claiming(aud=None),
    "another subject": claiming(sub="demo-ywca"),
    "another issuer": claiming(iss="demo-ywca"),
    "no issuer": claiming(iss=None),
    "nobody we know": claiming(sub="demo-nobody", iss="demo-nobody"),
    "a subject that is no text": claiming(sub=7, iss=7),
    "a subject with a NUL": claiming(sub="demo\x00police", iss="demo\x00police"),
    "another client's assertion": lambda client, url: assertion(
        {**client, "client_id": "demo-ywca"}, url
    ),
    "claims nested too deep": lambda client, url: _raw(
        {"alg": "ES256"}, '{"sub":' + "[" * 50_000 + "]" * 50_000 + "}", b"x"
    ),
    "no token at all": lambda client, url: "not a token",
    "too many parts": lambda client, url: assertion(client, url) + ".x.y",
}


@pytest.mark.parametrize("what", FORGERIES)
def test_a_bad_assertion_gets_nothing_and_is_in_the_log(
    server: Server, superuser: Any, what: str
) -> None:
    form = token_request(FORGERIES[what](server.client("police"), server.demo["token_url"]))
    answer = ask(server, form)
    assert answer.status_code == 401, answer.text
    assert answer.json()["error"] == "invalid_client"
    assert set(answer.json()) <= {"error", "error_description"}
    (entry,) = entries(superuser, answer)
    assert (entry["act"], entry["decision"]) == ("token.issue", "refused")
    assert credentials_held(superuser) == 0


def test_an_assertion_is_good_once(server: Server, superuser: Any) -> None:
    form = token_request(assertion(server.client("police"), server.demo["token_url"]))
    assert ask(server, form).status_code == 200
    for _ in range(3):  # whichever process answers
        replayed = ask(server, form)
        assert (replayed.status_code, replayed.json()["error"]) == (401, "invalid_client")
    assert credentials_held(superuser) == 1


def test_anything_but_client_credentials_by_assertion_is_refused(
    server: Server, superuser: Any
) -> None:
    client, url = server.client("police"), server.demo["token_url"]

    def good() -> dict[str, str]:
        return token_request(assertion(client, url))

    basic = base64.b64encode(f"{client['client_id']}:".encode()).decode()
    requests_ = [
        {},
        {"grant_type": "client_credentials"},
        {"grant_type": "client_credentials", "client_id": client["client_id"]},
        good() | {"client_id": "demo-ywca"},
        good() | {"client_assertion_type": "urn:else"},
        *(
            good()
            | {"grant_type": grant, "username": "police.worker", "password": "x", "code": "x"}
            for grant in ("password", "authorization_code", "refresh_token", "implicit", "")
        ),
        good() | {"grant_type": "urn:ietf:params:oauth:grant-type:device_code"},
    ]
    for form in requests_:
        answer = ask(server, form)
        assert 400 <= answer.status_code < 500, (form.get("grant_type"), answer.text)
        assert "access_token" not in answer.text
    answer = ask(server, {"grant_type": "client_credentials"}, Authorization=f"Basic {basic}")
    assert answer.status_code == 401
    as_json = requests.post(url, json=good(), timeout=30)
    assert 400 <= as_json.status_code < 500
    assert credentials_held(superuser) == 0


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
        ("permissions_client", "door", client_id),
        ("permissions_agency", "jobs", agency_id("police")),
    ):
        with turned_off(alias, table, "active", row):
            answer = get(server, secret)
            assert answer.status_code == 401, table
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert len(entries(superuser, answer)) == 1
            fresh = ask(
                server, token_request(assertion(server.client("police"), server.demo["token_url"]))
            )
            assert fresh.status_code == 401, table
        assert get(server, secret).status_code == 200, "live rows decide, at every request"
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


# -- From where ------------------------------------------------------------------------------------


def held_to(client_id: UUID, *networks: str) -> None:
    Client.objects.filter(id=client_id).update(networks=list(networks) or None)


def test_a_key_and_a_token_are_good_where_their_system_may_come_from_and_nowhere_else(
    server: Server, superuser: Any
) -> None:
    """Over real sockets, so from 127.0.0.1 (TH2)."""
    client_id = uuid5(demo.NAMESPACE, "client police")
    officer = str(member_id("police.worker"))
    anywhere = token(server)
    try:
        held_to(client_id, "203.0.113.0/24", "127.0.0.0/8")
        here = token(server)
        for secret in (anywhere, here):
            assert get(server, secret, Acting_Member=officer).status_code == 200
        held_to(client_id, "203.0.113.0/24", "2001:db8::/32")
        for secret, acting in ((anywhere, officer), (here, ""), (here, str(uuid4()))):
            answer = get(server, secret, Acting_Member=acting)
            body = answer.json()
            assert (answer.status_code, body["code"]) == (403, "address_not_allowed"), acting
            assert "networks" in body["detail"]
            assert "203.0.113" not in answer.text, "nor where it would be let in"
            (entry,) = entries(superuser, answer)
            assert (entry["act"], entry["rule"]) == ("api.authenticate", "address_not_allowed")
            assert (entry["agency_id"], entry["client_id"]) == (
                str(agency_id("police")),
                str(client_id),
            )
        held = credentials_held(superuser)
        signed_here = token_request(assertion(server.client("police"), server.demo["token_url"]))
        answer = ask(server, signed_here)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        assert "networks" in answer.json()["error_description"]
        (entry,) = entries(superuser, answer)
        assert (entry["act"], entry["decision"], entry["rule"], entry["client_id"]) == (
            *("token.issue", "refused", "address_not_allowed"),
            str(client_id),
        )
        assert credentials_held(superuser) == held
        assert token(server, "hospital"), "of this system alone"
    finally:
        held_to(client_id)
    assert get(server, anywhere).status_code == 200, "live rows decide, at every request"


def test_where_it_comes_from_is_what_the_outermost_proxy_of_ours_saw(
    api: Any, settings: Any
) -> None:
    caller = api("police.client")
    client_id = uuid5(demo.NAMESPACE, "client police")
    settings.PROXIES = 1
    try:
        held_to(client_id, "203.0.113.0/24")
        for seen, status in (
            ("203.0.113.9", 200),
            ("198.51.100.7, 203.0.113.9", 200),
            ("203.0.113.9, 198.51.100.7", 403),  # what stands further left is the caller's word
            ("::ffff:203.0.113.9", 200),
            ("unknown", 403),
        ):
            with capture_logs() as lines:
                answer = caller.get("/v1/referrals", X_Forwarded_For=seen)
            assert answer.status_code == status, seen
            told = [one for one in lines if one["event"] == "client_from_elsewhere"]
            assert [one["agency"] for one in told] == [str(agency_id("police"))] * (status == 403)
    finally:
        held_to(client_id)


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


def test_each_scope_opens_its_own_door_and_no_other(story: Story, api: Any, superuser: Any) -> None:
    story.accept().release().packet(name="Invented Person")
    new = {"urgency": "urgent", "needs": ["shelter"], "callback": "406-555-0111"}
    new["service_id"] = story.service_id
    packet, path = {"purpose": "intake"}, f"/v1/referrals/{story.id}"

    none = narrow(api, "ywca", "ywca.worker", "directory:read", "events:read")
    assert none.get("/v1/referrals").json()["items"] == []
    assert none.get(path).status_code == 404
    assert none.get("/v1/call-records").status_code == 403

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
    assert audits.get(path).status_code == 404


def test_packets_open_through_a_system_of_record_only(story: Story, api: Any) -> None:
    story.accept().release().packet(name="Invented Person")
    client = Client.objects.get(client_id="demo-ywca")
    Client.objects.filter(id=client.id).update(system_of_record=False)
    try:
        caller = api("ywca.client", "ywca.worker")
        for act in ("open_packet", "open_notes"):
            answer = caller.act(story.id, act, {"purpose": "intake"})
            assert (answer.status_code, answer.json()["code"]) == (403, "not_system_of_record")
    finally:
        Client.objects.filter(id=client.id).update(system_of_record=True)
