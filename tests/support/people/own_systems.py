"""An agency_admin at the desk, and the partner systems and settings that a test changes there."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from jwcrypto import jwk

from permissions.models import Client
from tests.support.people.callers import agency_id
from tests.support.people.client_assertions import claims_of, signed
from tests.support.people.desk_pages import Pages

SYSTEMS = "/desk/agency/systems"
NEW = f"{SYSTEMS}/new"
SETTINGS = "/desk/agency/settings"
CHANGES = "/desk/agency/changes"
ENDING = agency_id("ywca").hex[-8:]


@pytest.fixture
def as_before(superuser: Any) -> Iterator[None]:
    """Behind the test: the network's agencies and systems are as they were."""
    with superuser.cursor() as cursor:
        cursor.execute("SELECT id::text FROM permissions_client")
        known = [id_ for (id_,) in cursor.fetchall()]
        cursor.execute("CREATE TEMP TABLE agencies_before AS TABLE permissions_agency")
    yield
    with superuser.cursor() as cursor:
        cursor.execute(
            "DELETE FROM credential WHERE NOT client_id::text = ANY (%(known)s);"
            " DELETE FROM permissions_clientassertion WHERE NOT client_id::text = ANY (%(known)s);"
            " DELETE FROM refusal_count WHERE NOT client_id::text = ANY (%(known)s);"
            " DELETE FROM permissions_client WHERE NOT id::text = ANY (%(known)s);"
            " UPDATE permissions_agency a SET (time_zone, opening_hours, holidays, durations,"
            " retention_days, takes_notices) = (b.time_zone, b.opening_hours, b.holidays,"
            " b.durations, b.retention_days, b.takes_notices) FROM agencies_before b"
            " WHERE a.id = b.id AND a IS DISTINCT FROM b; DROP TABLE agencies_before",
            {"known": known},
        )


def pair(**how: Any) -> jwk.JWK:
    """A new pair of keys, EC P-256 unless `how` says otherwise."""
    usual = {"crv": "P-256"} if how.get("kty", "EC") == "EC" else {}
    return jwk.JWK.generate(**({"kty": "EC"} | usual | how))


def public(key: jwk.JWK) -> str:
    return str(key.export_public())


def as_pem(key: jwk.JWK, *, private: bool = False) -> str:
    return str(key.export_to_pem(private_key=private, password=None).decode())


def form_of(key: jwk.JWK | str, **other: Any) -> dict[str, Any]:
    """What is filled in for a new system."""
    given = {
        "name": "Campus records",
        "client_id": "records",
        "scopes": ["referrals:read"],
        "origin": "networks",
        "networks": "203.0.113.0/24",
        "quota": "100",
        "keys": key if isinstance(key, str) else public(key),
    }
    return {name: value for name, value in (given | other).items() if value is not None}


def added(pages: Pages, key: jwk.JWK, **other: Any) -> Client:
    """A new system of the administrator's agency."""
    given = form_of(key, **other)
    answer = pages.submit(NEW, given)
    found = re.fullmatch(rf"{SYSTEMS}/([0-9a-f-]+)", answer.request["PATH_INFO"])
    assert found, answer.content.decode()
    system: Client = Client.objects.get(id=UUID(found[1]))
    return system


def assertion_of(client_id: str, key: jwk.JWK, token_url: str, alg: str = "ES256") -> str:
    return signed(claims_of({"client_id": client_id}, token_url), key, alg=alg)


def log_of(superuser: Any, system: Client) -> list[dict[str, Any]]:
    """The entries of what was changed of this system at the desk, oldest first."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT to_jsonb(e) FROM access_entry e WHERE fields[1] = %s ORDER BY xact, id",
            [f"system:{system.id.hex}"],
        )
        return [row for (row,) in cursor.fetchall()]


def newest(superuser: Any, act: str) -> dict[str, Any]:
    """The newest entry of this act."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT to_jsonb(e) FROM access_entry e WHERE act = %s ORDER BY xact DESC, id DESC"
            " LIMIT 1",
            [act],
        )
        row: dict[str, Any] = cursor.fetchone()[0]
    return row
