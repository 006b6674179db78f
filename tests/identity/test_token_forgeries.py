"""A client assertion that is forged, used twice or replaced gets no token."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from jwcrypto import jwk

from tests.identity.token_requests import ask, credentials_held, entries
from tests.support.ground.live_server import Server
from tests.support.people.client_assertions import assertion, claims_of, signed, token_request

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
    "expired ten seconds ago": lambda client, url: claiming(exp=int(time.time()) - 10)(client, url),
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
    "our audience among others": lambda client, url: claiming(
        aud=["https://elsewhere.example.org/oauth/token", url]
    )(client, url),
    "our audience in a list": lambda client, url: claiming(aud=[url])(client, url),
    "our audience with a slash": lambda client, url: claiming(aud=f"{url}/")(client, url),
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


# What the client's own agency reads of it; where no client is named, there is no one to read it.
WHY = {
    "another key": "key",
    "a key of its own in the header": "key",
    "no signature": "algorithm",
    "the public key as a secret": "algorithm",
    "changed after signing": "key",
    "expired": "expired",
    "expired ten seconds ago": "expired",
    "valid for an hour": "too_long",
    "not valid yet": "not_yet",
    "no end": "claims",
    "an end that is no number": "claims",
    "an end at infinity": "claims",
    "no jti": "claims",
    "an empty jti": "jti",
    "a jti that is no text": "claims",
    "a jti with a NUL": "jti",
    "a jti of a lone surrogate": "jti",
    "another audience": "audience",
    "our audience among others": "audience",
    "our audience in a list": "audience",
    "our audience with a slash": "audience",
    "no audience": "claims",
    "another subject": "key",  # it names another client, whose key did not sign it
    "another issuer": "issuer",
    "no issuer": "claims",
    "nobody we know": None,
    "a subject that is no text": None,
    "a subject with a NUL": None,
    "another client's assertion": "key",
    "claims nested too deep": None,
    "no token at all": None,
    "too many parts": None,
}


def test_each_forgery_has_its_reason_and_the_caller_does_not_learn_it(
    server: Server, superuser: Any
) -> None:
    """The log takes one row a minute for a network and client; here each has its own."""
    assert set(WHY) == set(FORGERIES)
    with superuser.cursor() as cursor:
        for what, forge in FORGERIES.items():
            cursor.execute("DELETE FROM refusal_count")
            form = token_request(forge(server.client("police"), server.demo["token_url"]))
            answer = ask(server, form)
            assert answer.json() == {"error": "invalid_client"}, what
            (entry,) = entries(superuser, answer)
            code = WHY[what]
            assert entry["rule"] == (f"assertion_{code}" if code else "unknown_client"), what
            assert (entry["client_id"] is None) == (code is None), what


def test_strangers_write_one_row_a_minute_for_a_client_whose_id_they_know(
    server: Server, superuser: Any
) -> None:
    with superuser.cursor() as cursor:
        cursor.execute("DELETE FROM refusal_count")
        cursor.execute("SELECT count(*) FROM access_entry")
        before = cursor.fetchone()[0]
        for forge in (by_another_key, unsigned, claiming(aud="other")) * 7:
            form = token_request(forge(server.client("police"), server.demo["token_url"]))
            assert ask(server, form).status_code == 401
        cursor.execute("SELECT count(*) FROM access_entry")
        assert cursor.fetchone()[0] - before <= 2, "two if a minute began"


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


def test_a_clock_that_is_a_few_seconds_slow_gets_a_token(server: Server) -> None:
    client, url = server.client("police"), server.demo["token_url"]
    late = token_request(assertion(client, url, exp=int(time.time()) - 1))
    assert ask(server, late).status_code == 200


@pytest.mark.parametrize("name", ["scope", "client_assertion", "grant_type"])
def test_who_says_a_parameter_twice_gets_nothing(server: Server, superuser: Any, name: str) -> None:
    """A proxy that reads the first and a server that reads the last see two requests."""
    form = token_request(assertion(server.client("police"), server.demo["token_url"]))
    form |= {"scope": "referrals:read"}
    other = form | {"scope": "packets:read"}
    answer = ask(server, form | {name: [form[name], other[name]]})
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})
    assert credentials_held(superuser) == 0
    assert ask(server, form).status_code == 200, "the assertion was not used up"


@pytest.mark.parametrize("charset", ["utf-16", "utf-7", "latin-1", '"utf-8 "', ""])
def test_a_form_in_another_charset_gets_nothing(
    server: Server, superuser: Any, charset: str
) -> None:
    form = token_request(assertion(server.client("police"), server.demo["token_url"]))
    kind = "application/x-www-form-urlencoded; charset={}"
    answer = ask(server, form, **{"Content-Type": kind.format(charset)})
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})
    assert credentials_held(superuser) == 0
    answer = ask(server, form, **{"Content-Type": kind.format("UTF-8")})
    assert answer.status_code == 200


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
