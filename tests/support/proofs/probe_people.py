"""The people and systems that the probe of the policies asks as."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4, uuid5

from api.dev import demo
from api.dev.cast import CAST
from permissions.identity import credentials
from permissions.identity.credentials import hash_secret
from permissions.models import Client
from permissions.reference import world as w
from tests.support.people.callers import Caller, agency_id, member_id


@dataclass(frozen=True)
class Who:
    """A caller, and what the cast says of her: never what the database says."""

    caller: Caller
    agency: str | None
    member: str | None
    client: str | None
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    database_role: str = "app"

    @property
    def principal(self) -> w.Principal:
        acting = member_id(self.caller.acting) if self.caller.acting else None
        token = hash_secret(self.caller.secret) if self.caller.secret else None
        return w.Principal(token, acting, None, self.database_role)


ROLES = {f"{unit.key}.{short}": roles for unit in CAST for short, (_, roles) in unit.people.items()}


def person(api: Any, who: str, database_role: str = "app") -> Who:
    agency = str(agency_id(who.split(".")[0]))
    return Who(api(who), agency, str(member_id(who)), None, ROLES[who], (), database_role)


def system(api: Any, key: str, acting: str | None, *scopes: str) -> Who:
    caller: Caller = api(f"{key}.client", acting)
    caller.secret = f"a-token-of-a-probe-{uuid4()}"
    client = Client.objects.get(client_id=f"demo-{key}")
    credentials.open_for_client(client, caller.secret, scopes)
    member = str(member_id(acting)) if acting else None
    roles = ROLES[acting] if acting else ()
    client_id = str(uuid5(demo.NAMESPACE, f"client {key}"))
    return Who(caller, str(agency_id(key)), member, client_id, roles, scopes)


def people(api: Any) -> list[Who]:
    every = demo.ALL_SCOPES
    return [
        Who(api(None), None, None, None, (), ()),
        *(person(api, f"outsider.{short}") for short in ("worker", "lead")),
        *(person(api, f"police.{short}") for short in ("worker", "worker2", "lead", "admin")),
        *(person(api, f"ywca.{short}") for short in ("worker", "worker2", "lead", "auditor")),
        *(person(api, f"ywca.{short}") for short in ("editor", "admin")),
        *(person(api, f"sarc.{short}") for short in ("worker", "worker2")),
        system(api, "outsider", "outsider.worker", *every),
        system(api, "police", "police.worker", *every),
        system(api, "police", "police.worker", "referrals:read"),
        system(api, "police", "police.worker", "directory:read"),
        system(api, "police", None, "events:read"),
        system(api, "ywca", "ywca.auditor", "events:read"),
        system(api, "ywca", None, *every),
        system(api, "ywca", "ywca.worker", "referrals:read", "referrals:write"),
        system(api, "ywca", "ywca.worker", "referrals:write", "packets:read"),
        system(api, "ywca", "ywca.auditor", *every),
        *(person(api, who, "auditor") for who in ("police.auditor", "ywca.auditor", "ywca.lead")),
        person(api, "taskforce.auditor", "auditor"),
    ]
