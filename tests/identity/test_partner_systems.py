"""An operator sees partner systems, and takes from them; what a system and its keys must be."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError
from jwcrypto import jwk
from psycopg2.errors import CheckViolation

from api.accounts.oauth import SCOPES
from permissions.identity import credentials
from permissions.models import Client
from tests.identity.operators import add, client, jwk_of, logged
from tests.identity.operators import agency as agency  # a fixture
from tests.support.people.callers import Caller


def test_the_operator_adds_no_system_and_gives_none_a_key(agency, tmp_path):
    """With a key of their own they would act for the agency."""
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [jwk_of(kty="EC", crv="P-256")]}))
    name = add("client", *words_for(agency, tmp_path))["client"]
    for words in (
        ("add", *words_for(agency, tmp_path)),
        ("keys", name, "--keys", str(tmp_path / "keys.json")),
        ("networks", name, "--anywhere"),
        ("return", name),
    ):
        with pytest.raises(CommandError, match=r"There is no `\w+` any more"):
            client(*words)


def words_for(agency: str, folder: Path) -> tuple[str, ...]:
    words = ("--agency", agency, "--client-id", f"new-{uuid4()}", "--name", "New client")
    return (*words, "--scope", "referrals:read", "--keys", str(folder / "keys.json"))


def test_the_operator_lowers_a_quota_and_ends_a_system(agency, tmp_path, superuser):
    new = jwk_of(kty="EC", crv="P-256")
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [new]}))
    words = words_for(agency, tmp_path)
    name = add("client", *words, "--network", "203.0.113.0/24", "--openings-a-day", "9")["client"]
    kept = Client.objects.get(client_id=name)
    said = client("show", name)
    assert "  calls from 203.0.113.0/24\n" in said
    assert f"key {jwk.JWK(**new).thumbprint()}  EC" in said
    seven = "opens packets and notes of at most 7 referrals in 24 hours"
    assert client("quota", name, "7") == f"client {name}: {seven}\n"
    assert f"  {seven}\n" in client("show", name)
    for wrong, says in (("0", "1 to 100000"), ("100001", "1 to 100000"), ("8", "raises it")):
        with pytest.raises(CommandError, match=says):
            client("quota", name, wrong)
    assert Client.objects.get(client_id=name).openings_a_day == 7
    found, secret = Client.objects.get(client_id=name), f"an-invented-token-{uuid4()}"
    credentials.open_for_client(found, secret, found.scopes)
    client("end", name)
    assert "(ended)" in client("show", "--agency", agency)
    assert Caller("new", secret).get("/v1/referrals").status_code == 401
    done = ["client.change_budget", "client.change_budget", "client.end"]
    assert logged(superuser, kept) == done, "and the try to raise it"
    for words in ((), (name, "--agency", agency)):
        with pytest.raises(CommandError, match="Name either a client, or an agency"):
            client("show", *words)
    for what in ("show", "end"):
        with pytest.raises(CommandError, match="No client has this id"):
            client(what, "nobody-here")


def test_a_client_that_reads_the_log_does_nothing_else(agency, tmp_path, superuser):
    """As the role auditor excludes the others; a witness says where checkpoints are sent to."""
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [jwk_of(kty="EC", crv="P-256")]}))

    def added(*scopes: str) -> str:
        name = f"audits-{uuid4()}"
        words = ["--agency", agency, "--client-id", name, "--name", "Audits", "--keys", str(keys)]
        add("client", *words, *(f"--scope={scope}" for scope in scopes))
        return name

    for scopes in (("audit:read",), ("audit:read", "webhooks:write")):
        assert Client.objects.get(client_id=added(*scopes)).scopes == sorted(scopes)
    for other in sorted(set(SCOPES) - {"audit:read", "webhooks:write"}):
        with pytest.raises(CommandError, match="audit:read excludes every other scope"):
            added("audit:read", other)
    assert Client.objects.filter(agency_id=agency).count() == 2
    with superuser.cursor() as cursor, pytest.raises(CheckViolation):
        cursor.execute(
            "UPDATE permissions_client SET scopes = '{audit:read,packets:read}'"
            " WHERE agency_id = %s",
            [agency],
        )


def test_a_client_brings_its_public_key_only(agency, tmp_path):
    pair = jwk.JWK.generate(kty="EC", crv="P-256", kid="k1")
    words = ("--agency", agency, "--client-id", "new-client", "--name", "New client")
    words += ("--scope", "referrals:read", "--keys", str(tmp_path / "keys.json"))
    private = {"keys": [pair.export_private(as_dict=True)]}
    (tmp_path / "keys.json").write_text(json.dumps(private))
    with pytest.raises(CommandError, match="private key"):
        add("client", *words)
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [pair.export_public(as_dict=True)]}))
    assert add("client", *words)["client"] == "new-client"


def rsa(bits: int) -> Any:
    return jwk_of(kty="RSA", size=bits)


@pytest.mark.parametrize(
    "make",
    [
        *(lambda: rsa(2048), lambda: jwk_of(kty="EC", crv="P-256")),
        *(lambda: jwk_of(kty="EC", crv="P-384"), lambda: jwk_of(kty="RSA", size=3072, alg="RS384")),
        lambda: jwk_of(kty="OKP", crv="Ed25519"),
    ],
)
def test_a_key_that_signs_tokens_is_taken(agency, tmp_path, make):
    words = ("--agency", agency, "--client-id", f"new-{uuid4()}", "--name", "New client")
    words += ("--scope", "referrals:read", "--keys", str(tmp_path / "keys.json"))
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [key := make()]}))
    told = add("client", *words)
    assert Client.objects.get(client_id=told["client"]).public_keys == {"keys": [key]}


@pytest.mark.parametrize(
    ("key", "says"),
    [
        *((one, "must be a JWK set") for one in (1, "x", None, [])),
        *(({}, "RSA of at least 2048 bits"), ({"kty": "EC"}, "P-384 or Ed25519")),
        ({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, "P-384 or Ed25519"),
        ({"kty": "RSA", "n": "AQAB", "e": "AQAB"}, "RSA of at least 2048 bits"),
        (lambda: rsa(1024), "RSA of at least 2048 bits"),
        (lambda: jwk_of(kty="EC", crv="P-521"), "P-384 or Ed25519"),
        (lambda: jwk_of(kty="OKP", crv="Ed448"), "P-384 or Ed25519"),
        (lambda: jwk_of(kty="OKP", crv="X25519"), "P-384 or Ed25519"),
        (lambda: jwk_of(kty="RSA", size=2048, alg="RS512"), "RS384 and PS256 fit RSA"),
        (lambda: jwk_of(kty="EC", crv="P-256", alg="ES384"), "ES256 fits EC P-256"),
        (lambda: jwk_of(kty="EC", crv="P-256", kid="a\x00b"), "plain text"),
        (lambda: jwk_of(kty="EC", crv="P-256", use="enc"), "Each key must be for signatures"),
        ({"kty": "oct", "k": "c2VjcmV0"}, "private key"),
    ],
)
def test_a_key_that_is_none_or_weak_is_refused(agency, tmp_path, key, says):
    words = ("--agency", agency, "--client-id", "new-weak", "--name", "New client")
    words += ("--scope", "referrals:read", "--keys", str(tmp_path / "keys.json"))
    given = key() if callable(key) else key
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [given]}))
    with pytest.raises(CommandError, match=says):
        add("client", *words)
    assert not Client.objects.filter(client_id="new-weak").exists()


@pytest.mark.parametrize(
    ("client_id", "says"), [("c" * 256, "at most 255 characters"), ("c\x00", "plain text")]
)
def test_a_client_id_that_cannot_be_kept_is_refused(agency, tmp_path, client_id, says):
    words = ("--agency", agency, "--client-id", client_id, "--name", "New client")
    words += ("--scope", "referrals:read", "--keys", str(tmp_path / "keys.json"))
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [jwk_of(kty="EC", crv="P-256")]}))
    with pytest.raises(CommandError, match=says):
        add("client", *words)
