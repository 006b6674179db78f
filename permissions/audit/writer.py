"""The access log: no entry, no data (R11).

An act or a read is one `logged_act`: one transaction, whose access entry commits with it. A read
writes its entry *first* (`record`), since the row-level policies open a packet only if the same
transaction contains an entry. A refusal is written after the rollback, in its own transaction on
the same connection. When the log fails, so does the act: nothing was disclosed and nothing changed.
"""

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import Error, InternalError, ProgrammingError, connections
from psycopg2.errors import NoDataFound

from permissions import denials
from permissions.database.db_identity import (
    identified_transaction,
    identified_transaction_with_query,
    query_in_transaction,
    run_in_round_trip,
)
from permissions.database.prepared_statements import PreparedStatement, RoundTrip, array_literal
from permissions.database.uuid7 import uuid7
from permissions.errors import NotVisible, Refused, Unavailable
from permissions.principal import Principal


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of the current request: its id, and the network, not the host, it came from."""

    request_id: UUID | None = None
    address_prefix: str | None = None


origin: ContextVar[Origin] = ContextVar("origin", default=Origin())  # noqa: B039 (frozen)


@lru_cache(1024)
def address_prefix(address: str | None) -> str | None:
    """The /24 (IPv4) or /48 (IPv6) of an address: enough to review, too coarse to track."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return None
    prefix, of = (24, 32) if parsed.version == 4 else (48, 128)
    network = type(parsed)(int(parsed) >> (of - prefix) << (of - prefix))
    return f"{network}/{prefix}"


@contextmanager
def unwritten_is_unavailable() -> Iterator[None]:
    """Turn any failure to write the entry into Unavailable: 503, never 404 or data (R11)."""
    try:
        yield
    except Error as error:
        if refusal := denials.not_recovered(error):
            raise refusal from error
        raise Unavailable("log", "The access log cannot be written: nothing was done.") from error


@dataclass(slots=True)
class LoggedAct:
    """One act in progress. `now` is the database's clock."""

    principal: Principal
    act: str
    referral_id: UUID | None
    now: datetime
    using: str = "default"
    purpose: str | None = None
    directory_id: UUID | None = None
    entry_id: UUID = field(default_factory=uuid7)
    written: bool = False
    found: list[tuple[Any, ...]] = field(default_factory=list)  # rows of logged_act's `ask`
    disclosed_fields: list[str] | None = None
    disclosed_under: UUID | None = None

    def discloses(self, fields: Sequence[str], release_id: UUID, purpose: str) -> None:
        """Note that this act discloses these fields to the other agency. Its entry will contain
        the fields, the release and the purpose, which the survivor's accounting needs (45 CFR
        164.528)."""
        self.disclosed_fields, self.disclosed_under, self.purpose = (
            sorted(fields),
            release_id,
            purpose,
        )

    def second_entry(self, act: str, purpose: str | None = None) -> "LoggedAct":
        """Another entry in the same transaction, for something that this act also opens."""
        return LoggedAct(
            self.principal, act, self.referral_id, self.now, self.using, purpose, self.directory_id
        )

    def record(
        self,
        *,
        referral_ids: Sequence[UUID | str] | None = None,
        subject: UUID | None = None,
        fields: Sequence[str] | None = None,
        release_id: UUID | None = None,
        rule: str | None = None,
        then: RoundTrip | None = None,
    ) -> list[tuple[Any, ...]]:
        """Write this act's access entry now (a read: before it reads).

        `rule` is the code of the reason, where the act requires one (R7). `then` is a query that
        the entry allows; it is sent after the entry in the same packet, and its rows are returned.
        Raises Unavailable.
        """
        values = self._values(referral_ids, subject, fields, release_id, rule)
        with unwritten_is_unavailable(), connections[self.using].cursor() as cursor:
            sql = ENTRY.text(self.using)
            if then is None:
                cursor.execute(sql, values)
            else:
                cursor.execute(f"{sql}; {then.sql}", {**then.values, **values})
            self.written = True
            return [] if then is None else cursor.fetchall()

    def record_in_round_trip(
        self,
        behind: RoundTrip,
        then: RoundTrip,
        *,
        subject: UUID | None = None,
        fields: Sequence[str] | None = None,
        release_id: UUID | None = None,
    ) -> list[tuple[Any, ...]]:
        """Do the same in a transaction of one packet: `behind` (a lock), the entry, then `then`.
        The entry is committed when this returns. Do not call it within another transaction.

        No rows: `then` found nothing (it called sec.refuse_nothing_open()), and nothing was
        written. Raises Unavailable.
        """
        values = self._values(None, subject, fields, release_id, None)
        with unwritten_is_unavailable():
            try:
                rows = run_in_round_trip(
                    self.principal, behind, RoundTrip(ENTRY.text(), values), then
                )
            except InternalError as error:
                if isinstance(error.__cause__, NoDataFound):
                    return []
                raise
        self.written = True
        return rows

    def _values(
        self,
        referral_ids: Sequence[UUID | str] | None,
        subject: UUID | None,
        fields: Sequence[str] | None,
        release_id: UUID | None,
        rule: str | None,
    ) -> dict[str, Any]:
        here = origin.get()
        if self.disclosed_fields is not None:
            fields, release_id = self.disclosed_fields, self.disclosed_under
        return {
            "entry_id": self.entry_id,
            "agency_id": self.principal.agency_id,
            "member_id": self.principal.member_id,
            "client_id": self.principal.client_id,
            "act": self.act,
            "purpose": self.purpose,
            "referral_id": self.referral_id,
            "referral_ids": None if referral_ids is None else array_literal(referral_ids),
            "subject": subject,
            "fields": None if fields is None else list(fields),
            "release_id": release_id,
            "directory_id": self.directory_id,
            "rule": rule,
            "request_id": here.request_id,
            "address_prefix": here.address_prefix,
        }


ENTRY = PreparedStatement(
    "write_access_entry",
    "INSERT INTO access_entry (id, agency_id, member_id, client_id, act, purpose, referral_id,"
    " referral_ids, subject, fields, release_id, directory_id, decision, rule, request_id,"
    " address_prefix) VALUES (%(entry_id)s, %(agency_id)s, %(member_id)s, %(client_id)s, %(act)s,"
    " %(purpose)s, %(referral_id)s, %(referral_ids)s::uuid[], %(subject)s, %(fields)s,"
    " %(release_id)s, %(directory_id)s, 'allowed', %(rule)s, %(request_id)s, %(address_prefix)s)",
)


@contextmanager
def logged_act(
    principal: Principal,
    act: str,
    referral_id: UUID | None = None,
    *,
    purpose: str | None = None,
    directory_id: UUID | None = None,
    using: str = "default",
    ask: RoundTrip | None = None,
) -> Iterator[LoggedAct]:
    """Run one act in one transaction with one access entry, whether it succeeds or is refused.

    `act` is `noun.verb`; `directory_id` the directory entry that it concerns; `ask` a query that is
    sent in the packet that begins the transaction (its rows: `found`). An unexpected exception (a
    bug) rolls back and leaves no entry. Within `acts_in_one_transaction` it is part of that one.
    """
    joint = _joint.get()
    if joint is not None and using == "default":
        if principal != joint.principal:
            raise RuntimeError("This transaction has the identity of another caller.")
        joint.act = act
        now, rows = query_in_transaction(ask, using)
        current = LoggedAct(principal, act, referral_id, now, using, purpose, directory_id)
        current.found = rows
        yield current
        if not current.written:
            current.record()
        return
    with (
        log_refusals(
            principal, act, referral_id, purpose=purpose, directory_id=directory_id, using=using
        ),
        identified_transaction_with_query(principal, ask, using) as (now, rows),
    ):
        current = LoggedAct(principal, act, referral_id, now, using, purpose, directory_id)
        current.found = rows
        yield current
        if not current.written:
            current.record()


@contextmanager
def log_refusals(
    principal: Principal,
    act: str,
    referral_id: UUID | None = None,
    *,
    purpose: str | None = None,
    directory_id: UUID | None = None,
    using: str = "default",
) -> Iterator[None]:
    """Write the entry of a refusal that is raised inside, and raise it again. Use it outside the
    transaction that is refused. Raises NotVisible if the database denies the caller access,
    Unavailable if it denies it to our own role."""

    def refuse(rule: str) -> None:
        log_refusal(
            principal,
            act,
            rule,
            referral_id,
            purpose=purpose,
            directory_id=directory_id,
            using=using,
        )

    with _refusals_to(refuse):
        yield


@dataclass(slots=True)
class _Joint:
    """Acts of one caller that share one transaction. `act`: the last one that was begun."""

    principal: Principal
    act: str = ""


_joint: ContextVar[_Joint | None] = ContextVar("joint", default=None)


@contextmanager
def acts_in_one_transaction(principal: Principal) -> Iterator[None]:
    """Run several acts of this caller in one transaction: all of them or none.

    Each act inside is done and logged as by itself, in the order of its beginning. The first one
    that is refused ends all: everything is rolled back, the entries of the acts before it too, and
    the refused act's entry is written. It names no referral, since there is none. Cannot be nested.
    Raises what the acts raise.
    """
    joint = _Joint(principal)

    def refuse(rule: str) -> None:
        if joint.act:  # a refusal before any act is no entry, as in an act that is sent alone
            log_refusal(principal, joint.act, rule)

    with _refusals_to(refuse), identified_transaction(principal):
        token = _joint.set(joint)
        try:
            yield
        finally:
            _joint.reset(token)


@contextmanager
def _refusals_to(refuse: Callable[[str], None]) -> Iterator[None]:
    """Call `refuse` with the rule of a refusal that is raised inside, and raise it again."""
    try:
        yield
    except Refused as refusal:
        refuse(refusal.code)
        refusal.logged = True
        raise
    except ProgrammingError as error:
        denial = denials.refusal_of(error)
        if denial is None:
            raise
        # The database refused what the code allowed: the right ended in between.
        refuse("policy" if isinstance(denial, NotVisible) else denial.code)
        denial.logged = True
        raise denial from None


def log_refusal(
    principal: Principal | None,
    act: str,
    rule: str,
    referral_id: UUID | None = None,
    *,
    purpose: str | None = None,
    directory_id: UUID | None = None,
    using: str = "default",
) -> None:
    """Write the access entry of a refusal in its own transaction; None: an unknown caller.

    Raises Unavailable.
    """
    here = origin.get()
    with (
        unwritten_is_unavailable(),
        identified_transaction(principal, using),
        connections[using].cursor() as cursor,
    ):
        cursor.execute(
            "SELECT sec.log_refusal(%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                uuid7(),
                act,
                rule,
                referral_id,
                directory_id,
                purpose,
                here.request_id,
                here.address_prefix,
            ],
        )


def log_operator_change(
    act: str,
    agency_id: UUID | None,
    member_id: UUID | None = None,
    client_id: UUID | None = None,
    directory_id: UUID | None = None,
    fields: Sequence[str] | None = None,
) -> None:
    """Write the access entry of an operator's change to rights or keys, without a member's name, in
    the open transaction of `jobs`. `fields`: codes of what is now in force. Raises Unavailable."""
    ids = [agency_id, member_id, client_id, directory_id]
    with unwritten_is_unavailable(), connections["jobs"].cursor() as cursor:
        cursor.execute(
            "SELECT sec.log_operator_change(%s, %s, %s, %s, %s, %s, %s)",
            [uuid7(), act, *ids, None if fields is None else list(fields)],
        )
