"""An operator adds an agency, a member and a partner system; then they can act."""

import json
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command
from django.db import connections
from jwcrypto import jwk

from permissions import credentials
from permissions.models import Agency, Client, Membership, Person
from tests.conftest import Caller


def add(*words: str) -> dict[str, str]:
    out = StringIO()
    call_command("add", *words, stdout=out)
    return dict(line.split(" ", 1) for line in out.getvalue().splitlines())


@pytest.fixture
def agency(request: Any) -> Any:
    name = f"Agency of {request.node.name}"
    words = ("--name", name, "--kind", "social_service", "--duty", "ferpa")
    found = add("agency", *words)["agency"]
    yield found
    Client.objects.filter(agency_id=found).delete()
    with connections["door"].cursor() as cursor:
        cursor.execute(
            "DELETE FROM mfa_authenticator WHERE user_id = ANY (SELECT id FROM"
            " permissions_person WHERE username LIKE 'new.%')"
        )
    Membership.objects.using("jobs").filter(agency_id=found).update(active=False)
    Agency.objects.using("jobs").filter(id=found).update(active=False)


def test_a_new_member_can_act_at_once(agency):
    words = ("--agency", agency, "--username", "new.worker", "--name", "New Example")
    told = add("member", *words, "--role", "worker")
    member = Membership.objects.using("door").get(id=UUID(told["member"]))
    secret = credentials.open_for_member(member)
    answer = Caller("new.worker", secret).get("/v1/referrals")
    assert (answer.status_code, answer.json()["items"]) == (200, [])
    person = Person.objects.get(username="new.worker")
    assert person.check_password(told["password"])
    authenticator = Authenticator.objects.get(user=person)
    code_secret = told["one-time"].removeprefix("code secret ").split()[0]
    assert code_secret not in str(authenticator.data)  # sealed


def test_roles_that_exclude_each_other_are_refused_and_leave_nobody(agency):
    words = ("--agency", agency, "--username", "new.mixed", "--name", "Mixed Example")
    with pytest.raises(CommandError, match="excludes"):
        add("member", *words, "--role", "auditor", "--role", "worker")
    assert not Person.objects.filter(username="new.mixed").exists()


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
    with pytest.raises(CommandError, match="already"):
        add("client", *words)


def test_wrong_words_are_named():
    words = ("--name", "Nowhere", "--kind", "legal", "--time-zone", "Mars/Olympus")
    with pytest.raises(CommandError, match="America/Denver"):
        add("agency", *words)
