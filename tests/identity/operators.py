"""What an operator types, and the agency and people that it concerns."""

import json
from argparse import ArgumentParser
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from jwcrypto import jwk

from api.accounts.oauth import SCOPES
from permissions.errors import BadRequest
from permissions.identity import credentials, partner_clients
from permissions.models import OPENINGS_A_DAY, Client, Membership
from tests.support.people.callers import Caller
from tests.support.people.enrolled import new_member, new_person


def add(noun: str, *words: str) -> dict[str, str]:
    """What the operator adds; a system, which its agency adds, by the same words."""
    if noun == "client":
        return {"client": added_system(*words).client_id}
    out = StringIO()
    call_command(noun, "add", *words, stdout=out)
    return dict(line.split(" ", 1) for line in out.getvalue().splitlines())


def added_system(*words: str) -> Client:
    """A partner system as its agency's administrator adds one. Raises CommandError in place of the
    page's refusal."""
    parser = ArgumentParser()
    for name in ("--agency", "--client-id", "--name", "--keys"):
        parser.add_argument(name, required=True)
    for name in ("--scope", "--network"):
        parser.add_argument(name, action="append", default=[])
    parser.add_argument("--openings-a-day", type=int, default=OPENINGS_A_DAY)
    parser.add_argument("--system-of-record", action="store_true")
    given = parser.parse_args(words)
    try:
        made = partner_clients.new_client(
            UUID(given.agency),
            given.client_id,
            given.name,
            given.scope,
            json.loads(Path(given.keys).read_text()),
            known_scopes=sorted(SCOPES),
            system_of_record=given.system_of_record,
            from_networks=given.network,
            openings_a_day=given.openings_a_day,
        )
    except BadRequest as refusal:
        raise CommandError(refusal.detail) from refusal
    made.save(force_insert=True)
    return made


@pytest.fixture
def agency(request: Any, superuser: Any) -> Any:
    name = f"Agency of {request.node.name}"
    words = ("--name", name, "--kind", "social_service", "--duty", "ferpa")
    found = add("agency", *words)["agency"]
    yield found
    with superuser.cursor() as cursor:
        cursor.execute(LEAVES, {"agency": found})


LEAVES = """
    RESET ROLE;
    DELETE FROM permissions_client WHERE agency_id = %(agency)s;
    CREATE TEMP TABLE new ON COMMIT DROP AS
        SELECT id FROM permissions_person WHERE username LIKE 'new.%%';
    DELETE FROM permissions_sealedmessage WHERE about_id IN
        (SELECT id FROM permissions_invitation WHERE agency_id = %(agency)s);
    DELETE FROM permissions_invitation WHERE agency_id = %(agency)s;
    DELETE FROM permissions_registerednumber WHERE agency_id = %(agency)s;
    DELETE FROM credential
     WHERE agency_id = %(agency)s OR person_id IN (TABLE new);
    DELETE FROM permissions_membership WHERE agency_id = %(agency)s OR person_id IN (TABLE new);
    DELETE FROM mfa_authenticator WHERE user_id IN (TABLE new);
    DELETE FROM permissions_person WHERE id IN (TABLE new);
    DELETE FROM permissions_agency WHERE id = %(agency)s
"""


def set_agency(name: str, *words: str) -> str:
    out = StringIO()
    call_command("agency", "set" if words else "show", name, *words, stdout=out)
    return out.getvalue()


def member(*words: str) -> str:
    out = StringIO()
    call_command("member", *words, stdout=out)
    return out.getvalue()


@pytest.fixture
def worker(agency):
    """A new member, their membership, and a live session of theirs."""
    person, _ = new_person(f"new.{uuid4().hex}")
    found = new_member(agency, person, ["worker", "lead"])
    found = Membership.objects.using("signin").get(id=found.id)
    return found, Caller("new", credentials.open_for_member(found))


def client(*words: str) -> str:
    out = StringIO()
    call_command("client", *words, stdout=out)
    return out.getvalue()


def logged(superuser: Any, system: Client) -> Any:
    """What was done to a partner system, in its order."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT array_agg(act ORDER BY id) FROM access_entry"
            " WHERE client_id = %s AND act LIKE 'client.%%'",
            [str(system.id)],
        )
        return cursor.fetchone()[0]


def jwk_of(**how: Any) -> Any:
    return jwk.JWK.generate(**how).export_public(as_dict=True)
