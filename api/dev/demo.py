"""The demo network: plainly invented agencies and people, the same that the tests use.

Loaded at the first run, with secrets made on the spot. `CAIRN_HOME/demo.json` (mode 0600) then
lets a script act as any of them. Not for production: `manage.py prepare` loads it only if the base
URL is this machine's.
"""

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, time
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.contrib.auth.hashers import ScryptPasswordHasher
from django.db import transaction
from jwcrypto import jwk

from api.accounts.oauth import SCOPES
from api.dev import postgres_server
from api.dev.cast import CAST
from permissions.enrollment import terms
from permissions.errors import NotPermitted, NotPossible
from permissions.identity import confirmation, contact_channels, credentials, row_macs
from permissions.models import Agency, Client, Membership, Person
from permissions.principal import Principal
from referrals.models import Rotation
from referrals.notifications import channel_checks

TERMS_FILE = Path(__file__).parent / "demo_terms.txt"
NAMESPACE = UUID("c0ffee00-ca12-4a11-8a11-0000000ca121")
HASHER, QUICK = ScryptPasswordHasher(), 2**4
ALL_SCOPES = sorted(set(SCOPES) - {"audit:read"})


def agency_id(key: str) -> UUID:
    return uuid5(NAMESPACE, key)


def load(say: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Make the cast, with new secrets. Killed halfway and run again, it gives the same result.

    Returns the content of demo.json.
    """
    agencies, members, clients = [], [], []
    for unit in CAST:
        say(f"agency {unit.name}")
        agency, _ = Agency.objects.using("jobs").update_or_create(
            id=agency_id(unit.key),
            defaults={
                "name": unit.name,
                "kind": unit.kind,
                "duties": list(unit.duties),
                "duty_phone": unit.duty_phone,
            },
        )
        agencies.append(
            {"key": unit.key, "id": str(agency.id), "name": unit.name, "kind": unit.kind}
        )
        for short, (name, roles) in unit.people.items():
            members.append(_member(unit.key, short, name, roles))
        if unit.has_client:
            clients.append(_client(unit.key, unit.name))
    Agency.objects.using("jobs").filter(id=agency_id("solo")).update(
        outside_reviewer_id=uuid5(NAMESPACE, "ywca.lead")
    )
    return {
        "base_url": settings.BASE_URL,
        "token_url": settings.TOKEN_URL,
        "agencies": agencies,
        "members": members,
        "clients": clients,
    }


def _member(key: str, short: str, name: str, roles: tuple[str, ...]) -> dict[str, Any]:
    username = f"{key}.{short}"
    password, totp_secret = secrets.token_urlsafe(15), generate_totp_secret()
    with transaction.atomic(using="signin"):
        person, _ = Person.objects.using("signin").get_or_create(
            id=uuid5(NAMESPACE, f"person {username}"), defaults={"username": username}
        )
        # 120 random bits need no slow hash. The first sign-in makes one, as after an upgrade.
        person.password = HASHER.encode(password, HASHER.salt(), n=QUICK)
        person.save(using="signin")
        Authenticator.objects.using("signin").filter(user=person).delete()
        TOTP.activate(person, totp_secret)
        row_macs.sign(person, "signin")
    member, _ = Membership.objects.using("jobs").update_or_create(
        id=uuid5(NAMESPACE, username),
        defaults={
            "agency_id": agency_id(key),
            "person_id": person.id,
            "name": name,
            "roles": list(roles),
        },
    )
    return {
        "id": str(member.id),
        "agency": key,
        "roles": list(roles),
        "username": username,
        "password": password,
        "totp_secret": totp_secret,
    }


def confirm() -> None:
    """Bind what an older release made of the demo network: here no one else writes the database.
    Twice is safe."""
    for agency in Agency.objects.using("jobs").order_by("id"):
        if found := confirmation.unconfirmed(agency):
            confirmation.confirm(agency, confirmation.code_of(found))


def keep_channels() -> None:
    """Add the channels by which the demo's people would be reached. Twice is safe.

    Each member adds and confirms their own, as at the desk. Nothing is sent: the demo's page of
    messages shows it.
    """
    for place, unit in enumerate(unit for unit in CAST if unit.has_client):
        admin = "admin" if "admin" in unit.people else "all"
        _keep(unit.key, admin, "mail", f"duty@{unit.key}.invalid", "duty")
        for number, short in enumerate(("worker", "lead", "all")):
            if short in unit.people:
                _keep(unit.key, short, "sms", f"406-555-01{70 + 3 * place + number}", "own")
    _keep("solo", "all", "voice", "406-555-0101", "escalation")


def keep_rotas() -> None:
    """Let the demo's people answer in turn, by the week. An agency that has a rotation keeps it.
    Twice is safe."""
    for unit in CAST:
        turn = [short for short in ("worker", "lead", "all") if short in unit.people]
        if unit.has_client:
            Rotation.objects.using("signin").get_or_create(
                agency_id=agency_id(unit.key),
                defaults={
                    "members": [uuid5(NAMESPACE, f"{unit.key}.{short}") for short in turn],
                    "period": "week",
                    "weekday": 0,
                    "at": time(8),
                    "anchor": date(2026, 1, 5),
                    "has_second": len(turn) > 1,
                },
            )


def sign_terms() -> None:
    """Sign the demo network's terms for each agency that has never signed any, so that a new text
    is seen to be asked for. Twice is safe; nothing without terms, or without an administrator."""
    asked = terms.current()
    if asked is None:
        return
    for unit in CAST:
        if terms.signatures(agency_id(unit.key)):
            continue
        for short, (_name, roles) in unit.people.items():
            if "agency_admin" in roles:
                with suppress(NotPossible, NotPermitted), as_member(unit.key, short) as principal:
                    terms.sign(principal, asked.digest)


@contextmanager
def as_member(key: str, short: str) -> Iterator[Principal]:
    """Act as one of the demo's people, by a sign-in that ends with the block. Raises NotPossible
    for one who has ended."""
    member = Membership.objects.using("signin").get(id=uuid5(NAMESPACE, f"{key}.{short}"))
    secret = credentials.open_for_member(member)
    try:
        principal = credentials.resolve_credential(secret)
        if principal is None:
            raise NotPossible(
                "not_possible",
                "The demo's person or agency that acts here has ended. Restore their access, or run"
                " make reset.",
            )
        yield principal
    finally:
        credentials.end_credential(secret)


def _keep(key: str, short: str, kind: str, address: str, use: str) -> None:
    """Add a channel of theirs. One who has ended, or has another role now, gets none."""
    with suppress(NotPossible, NotPermitted), as_member(key, short) as principal:
        added = contact_channels.add_channel(principal, kind, address, use=use)
        if added.proven_at is None:
            _prove(principal, added.id)


def _prove(principal: Principal, channel_id: UUID) -> None:
    """Confirm a channel by the code that would be sent there. The code of an earlier run that was
    killed is still good."""
    code = channel_checks.code_in_force(channel_id)
    if code is None:
        channel_checks.send_code(principal, channel_id)
        code = channel_checks.code_in_force(channel_id)
    assert code is not None
    contact_channels.prove_channel(principal, channel_id, code)


def _client(key: str, name: str) -> dict[str, Any]:
    pair = jwk.JWK.generate(kty="EC", crv="P-256", use="sig", alg="ES256", kid=f"{key}-1")
    client, _ = Client.objects.using("signin").update_or_create(
        id=uuid5(NAMESPACE, f"client {key}"),
        defaults={
            "client_id": f"demo-{key}",
            "client_type": Client.CLIENT_CONFIDENTIAL,
            "authorization_grant_type": Client.GRANT_CLIENT_CREDENTIALS,
            "name": f"{name}: records",
            "agency_id": agency_id(key),
            "scopes": ALL_SCOPES,
            "public_keys": {"keys": [pair.export_public(as_dict=True)]},
            "system_of_record": True,
        },
    )
    return {
        "agency": key,
        "client_id": client.client_id,
        "private_jwk": pair.export_private(as_dict=True),
        "scopes": ALL_SCOPES,
    }


def write(path: Path, content: dict[str, Any]) -> None:
    """Write demo.json whole or not at all, readable by its owner only."""
    postgres_server.write(path, json.dumps(content, indent=1))
