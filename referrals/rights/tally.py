"""How often survivors were given their rights, as counts that point to no person (R13).

A record leaves a mark for each item that was done: agency, month, and a keyed hash of the item, so
that the database alone does not say whose record asks for a visa. A purge turns the marks into
counts by agency, month and item. What ever barred anyone counts only in the network's year: a
barred lead reads the same numbers as if there were no such referral (R3).

Shown are the months that are over, to a lead, and the years of the network, to the coordinator.
Numbers under LEAST are not said. It counts records: the same item recorded twice counts twice.
"""

import hmac
from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple
from uuid import UUID, uuid4

from django.db import connection

from permissions.audit import writer
from permissions.errors import NotPermitted
from permissions.keys.derived_keys import derived_key
from permissions.policy import rules
from permissions.principal import Principal
from referrals.models import READS
from referrals.rights.items import ITEMS

LEAST = 5


class Count(NamedTuple):
    """`begins`: the first day of the month, or of the year of the network. `number` is None under
    LEAST."""

    begins: date
    item: str
    number: int | None


def _tag(mark_id: UUID, item: str) -> bytes:
    key = derived_key("rights-tally")
    return hmac.digest(key, mark_id.bytes + item.encode(), "sha256")


def item_of(mark_id: UUID, tag: bytes | memoryview) -> str | None:
    """Return the item of a mark. None: its tag was made with another secret."""
    given = bytes(tag)
    found = (one.name for one in ITEMS if hmac.compare_digest(given, _tag(mark_id, one.name)))
    return next(found, None)


def mark(referral_id: UUID, items: Iterable[str]) -> None:
    """Mark these items as done, within the act that records them."""
    ids = {uuid4(): item for item in items}  # uuid7 would tell the time
    if not ids:
        return
    tags = [_tag(one, item) for one, item in ids.items()]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sec.mark_rights(%s, %s::uuid[], %s::bytea[])",
            [referral_id, [str(one) for one in ids], tags],
        )


def counts(principal: Principal) -> list[Count]:
    """Return, for a lead, the months of their agency, and for the coordinator the years of the
    network; the newest first. One access entry. Raises NotPermitted."""
    with writer.logged_act(principal, "rights_counts.read") as attempt:
        rules.require_scope(principal, READS)
        network = principal.has_role("coordinator")
        if not (network or principal.has_role("lead")):
            raise NotPermitted("role_missing", "Your role in this agency does not include this.")
        attempt.record()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT month, item, number, id, tag FROM sec.rights_counts(%s)", [network]
            )
            found = cursor.fetchall()
    numbers: Counter[tuple[date, str]] = Counter()
    for month, item, number, mark_id, tag in found:
        named = item if mark_id is None else item_of(mark_id, tag)
        if named is not None:
            numbers[month.replace(month=1) if network else month, named] += number
    order = {one.name: place for place, one in enumerate(ITEMS)}
    return [
        Count(begins, item, number if number >= LEAST else None)
        for (begins, item), number in sorted(
            numbers.items(), key=lambda one: (-one[0][0].toordinal(), order[one[0][1]])
        )
    ]
