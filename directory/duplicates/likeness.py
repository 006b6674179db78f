"""Finds pairs of public services that are likely the same: of two sources, or of a source and an
agency of the network (ADR 0137).

Only what is public is compared (R4), as it is rendered. The change feed says which services
changed, so a directory that has not changed costs nothing.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connections, transaction
from django.db.models import Q

from directory.models import OPEN_STATUSES, Change, Duplicate, DuplicateScan
from permissions.database.aliases import JOBS

LINES = 500  # of the change feed, in one transaction
CANDIDATES = 50  # for one service, of each kind
NEW_OF_ONE = 5  # the likeliest pairs of one service
NAME_ALIKE = 0.6  # the least likeness of names without a number in common
ORGANIZATION_ALIKE = 0.6
SOMEWHAT_ALIKE = 0.3  # of names, with a number in common
FEW = 4  # services with the same number: then the number alone is enough
BEHIND = 0.25  # how much less likely than a service's likeliest pair another one may be


class Likeness(NamedTuple):
    """What two services have in common, seen from the one that changed."""

    one: UUID
    other: UUID
    phone: bool
    bearers: int  # services that have a number of this one, itself included; or enough of them
    name: float
    organization: float
    street: bool
    postcode: bool

    @property
    def pair(self) -> tuple[UUID, UUID]:
        return min(self.one, self.other), max(self.one, self.other)

    @property
    def score(self) -> float:
        told = 0.4 * self.phone + 0.4 * self.name + 0.1 * self.street + 0.05 * self.postcode
        return round(told + 0.05 * min(self.organization, 1.0), 3)

    @property
    def reasons(self) -> list[str]:
        """Codes of Duplicate.REASONS."""
        found = {
            "same_phone": self.phone,
            "same_name": self.name == 1,
            "similar_name": SOMEWHAT_ALIKE <= self.name < 1,
            "same_street": self.street,
            "same_postcode": self.postcode,
            "same_organization": self.organization == 1,
            "similar_organization": ORGANIZATION_ALIKE <= self.organization < 1,
        }
        return [code for code in Duplicate.REASONS if found[code]]


def step() -> bool:
    """Compare the services that changed since the last step, a portion of them. Returns whether
    there may be more. Safe to kill at any point; of two at once, one waits for the other."""
    with transaction.atomic(using=JOBS):
        scans = DuplicateScan.objects.using(JOBS)
        scans.bulk_create([DuplicateScan(id=1, seq=0)], ignore_conflicts=True)
        scan = scans.select_for_update().get(id=1)
        feed = Change.objects.using(JOBS).filter(seq__gt=scan.seq).order_by("seq")
        lines = list(feed.values_list("seq", "kind", "entity_id", "network")[:LINES])
        if not lines:
            return False
        compare({one for _, kind, one, network in lines if kind == "service" and not network})
        scans.filter(id=1).update(seq=lines[-1][0])
    return len(lines) == LINES


def compare(services: Collection[UUID]) -> None:
    """Store the likely pairs of these services, in the caller's transaction as `jobs`, and forget
    those that are no longer likely. What was answered stays."""
    if not services:
        return
    found = alike(services)
    rows = Duplicate.objects.using(JOBS)
    there = {
        (row.first_id, row.second_id): row
        for row in rows.filter(Q(first_id__in=services) | Q(second_id__in=services))
    }
    likely = {one.pair: one for one in found}
    new = {one.pair: one for one in _likeliest(found) if one.pair not in there}
    rows.bulk_create(
        [
            Duplicate(first_id=first, second_id=second, score=like.score, reasons=like.reasons)
            for (first, second), like in sorted(new.items())
        ],
        ignore_conflicts=True,
    )
    changed = []
    for pair, row in sorted(there.items()):
        if (like := likely.get(pair)) and (row.score, row.reasons) != (like.score, like.reasons):
            row.score, row.reasons = like.score, like.reasons
            changed.append(row)
    rows.bulk_update(changed, ["score", "reasons"])
    gone = [row.id for pair, row in there.items() if pair not in likely]
    # Each is asked again: it may have been answered since it was read.
    rows.filter(id__in=gone, answer="", due=False, hidden_id__isnull=True).delete()
    _forget_what_is_alike(gone)


def _forget_what_is_alike(pairs: Collection[UUID]) -> None:
    """Keep only the answer of an answered pair if one of the two is no longer public (R4)."""
    with connections[JOBS].cursor() as cursor:
        cursor.execute(
            "UPDATE directory_duplicate d SET reasons = '{}', score = 0"
            " WHERE d.id = ANY (%s::uuid[]) AND (SELECT count(*) FROM directory_listing l"
            " WHERE l.id IN (d.first_id, d.second_id)) < 2",
            [[str(one) for one in pairs]],
        )


def alike(services: Collection[UUID]) -> list[Likeness]:
    """What each of these services, as far as it is public and listed, has in common with those of
    other sources that are likely the same. Reads only, as `jobs`."""
    values: dict[str, Any] = {
        "ids": [str(one) for one in services],
        "open": list(OPEN_STATUSES),
        "most": CANDIDATES,
        "name": NAME_ALIKE,
        "more": FEW + 1,
    }
    with connections[JOBS].cursor() as cursor:
        cursor.execute(_ALIKE, values)
        rows = [Likeness(*row) for row in cursor.fetchall()]
    return [row for row in rows if _is_likely(row)]


def _is_likely(row: Likeness) -> bool:
    near = row.street or row.postcode or row.organization >= ORGANIZATION_ALIKE
    if row.phone:
        return row.bearers <= FEW or near or row.name >= SOMEWHAT_ALIKE
    return near and row.name >= NAME_ALIKE


def _likeliest(found: Iterable[Likeness]) -> list[Likeness]:
    """Of each service its likeliest pairs: all services of two large agencies have one number."""
    by_service: dict[UUID, list[Likeness]] = defaultdict(list)
    for row in found:
        by_service[row.one].append(row)
    kept = []
    for rows in by_service.values():
        best = sorted(rows, key=lambda row: (-row.score, row.other))[:NEW_OF_ONE]
        kept += [row for row in best if row.score >= best[0].score - BEHIND]
    return kept


# `one`: a service that changed. Candidates have a number, or a postcode with a name that is much
# alike, or an organization's name in common; or they are a pair already. Streets and postcodes are
# those of public places.
_ALIKE = """
    WITH one AS MATERIALIZED (
        SELECT l.id, l.name, l.organization_id, l.organization_name, s.source, s.answered_by_id,
               sec.phone_numbers(l.phones) AS numbers,
               (SELECT count(*) FROM (
                    SELECT FROM directory_listing b
                     WHERE sec.phone_numbers(b.phones) && sec.phone_numbers(l.phones)
                     LIMIT %(more)s) bearer) AS bearers
          FROM directory_listing l JOIN directory_service s ON s.id = l.id
         WHERE l.id = ANY (%(ids)s::uuid[]) AND l.status = ANY (%(open)s)
    ), address AS MATERIALIZED (
        SELECT DISTINCT one.id, sec.postcode(a.postal_code) AS postcode,
               lower(regexp_replace(a.address_1, '[^[:alnum:]]', '', 'g')) AS street
          FROM one JOIN directory_place p ON p.service_id = one.id
          JOIN directory_address a ON a.location_id = p.location_id
         WHERE sec.postcode(a.postal_code) <> ''
    ), candidate (one, other) AS (
        SELECT one.id, same.id FROM one CROSS JOIN LATERAL (
            SELECT l.id FROM directory_listing l JOIN directory_service t ON t.id = l.id
             WHERE sec.phone_numbers(l.phones) && one.numbers AND t.source <> one.source
             ORDER BY similarity(l.name, one.name) DESC, l.id LIMIT %(most)s) same
        UNION
        SELECT one.id, near.id FROM one CROSS JOIN LATERAL (
            SELECT p.service_id AS id FROM address
              JOIN directory_address a ON sec.postcode(a.postal_code) = address.postcode
              JOIN directory_serviceatlocation x ON x.location_id = a.location_id
              JOIN directory_place p ON p.id = x.id AND p.open
              JOIN directory_service t ON t.id = p.service_id AND t.source <> one.source
             WHERE address.id = one.id AND similarity(p.name, one.name) >= %(name)s
             GROUP BY p.service_id, p.name
             ORDER BY similarity(p.name, one.name) DESC, p.service_id LIMIT %(most)s) near
        UNION
        SELECT one.id, theirs.id FROM one CROSS JOIN LATERAL (
            SELECT l.id FROM directory_organization_listing o
              JOIN directory_listing l ON l.organization_id = o.id
              JOIN directory_service t ON t.id = l.id AND t.source <> one.source
             WHERE o.name = one.organization_name AND o.id <> one.organization_id
               AND similarity(l.name, one.name) >= %(name)s
             ORDER BY similarity(l.name, one.name) DESC, l.id LIMIT %(most)s) theirs
        UNION
        SELECT d.first_id, d.second_id FROM directory_duplicate d JOIN one ON one.id = d.first_id
        UNION
        SELECT d.second_id, d.first_id FROM directory_duplicate d JOIN one ON one.id = d.second_id
    )
    SELECT one.id, o.id, one.numbers && sec.phone_numbers(o.phones), one.bearers,
           similarity(one.name, o.name), similarity(one.organization_name, o.organization_name),
           coalesce(place.street, false), place.postcode
      FROM candidate JOIN one ON one.id = candidate.one
      JOIN directory_listing o ON o.id = candidate.other AND o.status = ANY (%(open)s)
      JOIN directory_service t ON t.id = o.id AND t.source <> one.source
       AND (t.answered_by_id IS NULL OR one.answered_by_id IS NULL)
     CROSS JOIN LATERAL (
        SELECT bool_or(address.street <> '' AND address.street
                       = lower(regexp_replace(a.address_1, '[^[:alnum:]]', '', 'g'))) AS street,
               count(*) > 0 AS postcode
          FROM address
          JOIN directory_address a ON sec.postcode(a.postal_code) = address.postcode
          JOIN directory_place p ON p.location_id = a.location_id AND p.service_id = o.id
         WHERE address.id = one.id) place
"""
