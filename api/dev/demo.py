"""The demo network: plainly invented agencies and people, the same that the tests use.

Loaded at the first run, with secrets made on the spot. `CAIRN_HOME/demo.json` (mode 0600) then
lets a script act as any of them. Not for production: `manage.py prepare` loads it only if the base
URL is this machine's.
"""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.contrib.auth.hashers import ScryptPasswordHasher
from jwcrypto import jwk

from api.accounts.oauth import SCOPES
from api.dev import postgres_server
from permissions.identity import contact_channels, credentials
from permissions.models import Agency, Client, Membership, Person

NAMESPACE = UUID("c0ffee00-ca12-4a11-8a11-0000000ca121")
HASHER, QUICK = ScryptPasswordHasher(), 2**4
ALL_SCOPES = sorted(set(SCOPES) - {"audit:read"})


@dataclass(frozen=True)
class Unit:
    """One agency of the cast; `people` maps a short name to (name, roles)."""

    key: str
    name: str
    kind: str
    duties: tuple[str, ...] = ()
    duty_phone: str = ""
    people: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    has_client: bool = True


def _staff(lead: str, one: str, two: str, editor: str, admin: str, auditor: str) -> dict[str, Any]:
    return {
        "lead": (lead, ("lead", "directory_editor")),
        "worker": (one, ("worker",)),
        "worker2": (two, ("worker",)),
        "editor": (editor, ("directory_editor",)),
        "admin": (admin, ("agency_admin",)),
        "auditor": (auditor, ("auditor",)),
    }


CAST = (
    Unit(
        "police",
        "Demo City Police",
        "law_enforcement",
        (),
        "406-555-0110",
        _staff(
            "Lou Sample",
            "Pat Example",
            "Sam Specimen",
            "Paz Drafted",
            "Ari Placeholder",
            "Dee Invented",
        ),
    ),
    Unit(
        "hospital",
        "Demo General Hospital",
        "healthcare",
        ("hipaa",),
        "406-555-0120",
        _staff(
            "Hana Sample",
            "Hal Example",
            "Hui Specimen",
            "Hedy Drafted",
            "Hope Placeholder",
            "Hugo Invented",
        ),
    ),
    Unit(
        "ywca",
        "Demo Women's Centre",
        "community_advocate",
        ("victim_services", "privilege"),
        "406-555-0130",
        _staff(
            "Yara Sample",
            "Yve Example",
            "Yoko Specimen",
            "Ysa Drafted",
            "Yann Placeholder",
            "Yuri Invented",
        ),
    ),
    Unit(
        "sarc",
        "Demo Campus Advocacy",
        "community_advocate",
        ("victim_services", "privilege"),
        "406-555-0140",
        _staff(
            "Cleo Sample",
            "Cam Example",
            "Cyd Specimen",
            "Cal Drafted",
            "Cary Placeholder",
            "Cora Invented",
        ),
    ),
    Unit(
        "solo",
        "Demo One-Lawyer Office",
        "legal",
        ("privilege",),
        "406-555-0150",
        {"all": ("Sol Example", ("worker", "lead", "directory_editor", "agency_admin"))},
    ),
    Unit(
        "taskforce",
        "Demo Task Force",
        "oversight",
        people={
            "coordinator": ("Tess Sample", ("coordinator",)),
            "auditor": ("Tam Invented", ("auditor",)),
        },
        has_client=False,
    ),
    Unit(
        "outsider",
        "Demo Food Bank",
        "social_service",
        (),
        "406-555-0160",
        _staff(
            "Otto Sample",
            "Olga Example",
            "Omar Specimen",
            "Ora Drafted",
            "Opal Placeholder",
            "Oona Invented",
        ),
    ),
)


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
    person, _ = Person.objects.using("door").get_or_create(
        id=uuid5(NAMESPACE, f"person {username}"), defaults={"username": username}
    )
    # 120 random bits need no slow hash. The first sign-in makes one, as after an upgrade.
    person.password = HASHER.encode(password, HASHER.salt(), n=QUICK)
    person.save(using="door")
    Authenticator.objects.using("door").filter(user=person).delete()
    TOTP.activate(person, totp_secret)
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


def keep_channels() -> None:
    """Add the channels by which the demo's people would be reached. Twice is safe.

    Each member adds their own, as at the desk. Nothing is sent: the demo's page of messages shows
    it.
    """
    for place, unit in enumerate(unit for unit in CAST if unit.has_client):
        admin = "admin" if "admin" in unit.people else "all"
        _keep(unit.key, admin, "mail", f"duty@{unit.key}.invalid", "duty")
        for number, short in enumerate(("worker", "lead", "all")):
            if short in unit.people:
                _keep(unit.key, short, "sms", f"406-555-01{70 + 3 * place + number}", "own")
    _keep("solo", "all", "voice", "406-555-0101", "escalation")


def _keep(key: str, short: str, kind: str, address: str, use: str) -> None:
    member = Membership.objects.using("door").get(id=uuid5(NAMESPACE, f"{key}.{short}"))
    secret = credentials.open_for_member(member)
    try:
        principal = credentials.resolve_credential(secret)
        assert principal is not None
        contact_channels.add_channel(principal, kind, address, use=use)
    finally:
        credentials.end_credential(secret)


def _client(key: str, name: str) -> dict[str, Any]:
    pair = jwk.JWK.generate(kty="EC", crv="P-256", use="sig", alg="ES256", kid=f"{key}-1")
    client, _ = Client.objects.using("door").update_or_create(
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
