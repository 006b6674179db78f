"""Callers, and everything that the rules look up, as plain values. No database, no Django.

The protected rows are in rows.py. The classes have the columns that a rule reads, with the
database's names.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from permissions.reference.rows import (
    Assignment,
    Block,
    Grant,
    Membership,
    OptIn,
    Referral,
    Release,
    Side,
    Webhook,
)


class Agency(NamedTuple):
    id: UUID
    active: bool
    kind: str


class Person(NamedTuple):
    id: UUID
    is_active: bool


class Client(NamedTuple):
    id: UUID
    active: bool
    system_of_record: bool


class Credential(NamedTuple):
    """A sign-in or token; `hash` is the hash of its secret in hex, the only part that is stored."""

    hash: str
    agency_id: UUID
    membership_id: UUID | None
    client_id: UUID | None
    roles: Sequence[str]
    scopes: Sequence[str]
    expires_at: datetime
    ended_at: datetime | None


class Entry(NamedTuple):
    """The access entry of the same transaction, without which nothing can be opened (R11)."""

    act: str
    about: UUID  # the referral; for an address, the place
    purpose: str | None = None
    fields: Sequence[str] = ()


class Principal(NamedTuple):
    """What a request presents: its token, the member that a client names, its access entry.

    `role` is the database role: `auditor` for the pages of the access log, `app` otherwise.
    """

    token: str | None
    acting: UUID | None = None
    entry: Entry | None = None
    role: str = "app"


class World(NamedTuple):
    """Everything that the rules look up in addition to the row itself."""

    agencies: Mapping[UUID, Agency]
    people: Mapping[UUID, Person]
    members: Mapping[UUID, Membership]
    clients: Mapping[UUID, Client]
    credentials: Mapping[str, Credential]  # by hash
    referrals: Mapping[UUID, Referral]
    sides: Sequence[Side]
    assignments: Sequence[Assignment]
    blocks: Sequence[Block]
    releases: Mapping[UUID, Release]
    grants: Sequence[Grant]
    webhooks: Mapping[UUID, Webhook]
    opt_ins: Sequence[OptIn]
