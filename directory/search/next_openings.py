"""Rendered opening hours (`Place.open_hours`): the next opening of many services, or the days ahead
of one service, place by place.

Call inside `permissions.database.db_identity.identified_transaction(principal)`, like
directory/search/matches.py.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from directory.projection.opening_hours import Span
from directory.search.documents import ProjectionTables, visible_halves
from permissions.principal import Principal


class Opening(NamedTuple):
    """The span that contains the moment, or the next one; None: closed as far as hours are known.

    `told` is False if the source gives no hours, or the rendered hours have run out.
    """

    told: bool
    span: Span | None


class PlaceHours(NamedTuple):
    """The hours of a service at one of its places; `link` is the service_at_location's id, or the
    service's own id if it has no place."""

    link: UUID
    told: bool
    spans: tuple[Span, ...]


def next_openings(
    principal: Principal | None, services: Iterable[UUID], now: datetime
) -> dict[UUID, Opening]:
    """The best opening that any place of each service offers (`_better`). One query."""
    found: dict[UUID, Opening] = {}
    for service, _link, told, opens, closes in _rows(principal, services, now, None, 1):
        span = (opens, closes) if told and opens else None
        found[service] = _better(found.get(service), Opening(told, span), now)
    return found


def _better(one: Opening | None, other: Opening, now: datetime) -> Opening:
    """An open span wins over a later one; of two open spans the one that ends last wins, of two
    later spans the one that begins first."""
    if one is None:
        return other
    told = one.told or other.told
    spans = [span for span in (one.span, other.span) if span]
    open_now = [span for span in spans if span[0] <= now]
    if open_now:
        return Opening(told, max(open_now, key=lambda span: span[1]))
    return Opening(told, min(spans, default=None))


def hours_ahead(
    principal: Principal | None, service: UUID, now: datetime, until: datetime
) -> list[PlaceHours]:
    """The open spans between the two moments, for each place in order. One query."""
    spans: dict[UUID, list[Span]] = {}
    known: dict[UUID, bool] = {}
    for _service, link, told, opens, closes in _rows(principal, [service], now, until, None):
        known[link] = told
        spans.setdefault(link, [])
        if told and opens:
            spans[link].append((opens, closes))
    return [PlaceHours(link, known[link], tuple(sorted(spans[link]))) for link in known]


def _rows(
    principal: Principal | None,
    services: Iterable[UUID],
    now: datetime,
    until: datetime | None,
    most: int | None,
) -> list[tuple[Any, ...]]:
    ids = [str(one) for one in services]
    if not ids:
        return []
    each = " UNION ALL ".join(_of(half) for half in visible_halves(principal))
    values: dict[str, Any] = {"ids": ids, "now": now, "until": until, "most": most}
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM ({each}) r ORDER BY position, id, opens", values)
        return [row[:5] for row in cursor.fetchall()]


def _of(half: ProjectionTables) -> str:
    return (
        "SELECT p.service_id, p.id, p.open_hours IS NOT NULL AND p.hours_until > %(now)s AS told,"
        f" span.opens, span.closes, p.position FROM {half.place} p LEFT JOIN LATERAL ("
        "SELECT lower(s) AS opens, upper(s) AS closes FROM unnest(p.open_hours) s"
        " WHERE upper(s) > %(now)s AND lower(s) < coalesce(%(until)s, 'infinity'::timestamptz)"
        " ORDER BY s LIMIT %(most)s) span ON true WHERE p.service_id = ANY (%(ids)s::uuid[])"
    )
