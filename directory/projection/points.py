"""Where a place is for a search by distance: at its own point, or in the middle of its ZIP code.

The middle comes only from the table that the operator loaded: one that is derived from addresses
could tell where a hidden one is (directory/postcodes.py). A confidential place stands nowhere (R4).
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connections

from directory.postcodes import Point, postcode

Row = Mapping[str, Any]


class Stand(NamedTuple):
    """A point as the text of a PostgreSQL cube; `middle_of` is the postcode whose middle it is, ''
    if it is the place's own."""

    point: str | None
    middle_of: str = ""


NOWHERE = Stand(None)


def stand_of(location: Row, addresses: Iterable[Row], middles: Mapping[str, Point]) -> Stand:
    """Where a place stands; `middles` are the operator's midpoints. The first
    address whose code the table has counts."""
    if location["confidential"]:
        return NOWHERE
    if has_point(location):
        return Stand(_cube(location["latitude"], location["longitude"]))
    for code in middle_codes(location, addresses):
        if middle := middles.get(code):
            return Stand(_cube(middle.latitude, middle.longitude), code)
    return NOWHERE


def has_point(location: Row) -> bool:
    """Whether the place has coordinates that are somewhere on earth."""
    latitude, longitude = location["latitude"], location["longitude"]
    return (
        latitude is not None
        and longitude is not None
        and abs(latitude) <= 90
        and abs(longitude) <= 180
    )


def middle_codes(location: Row, addresses: Iterable[Row]) -> list[str]:
    """The postcodes in whose middle the place may stand, in the order of its addresses: of physical
    addresses, since letters may go to another town. None if the place is confidential, is not
    physical or has a point of its own."""
    if location["confidential"] or location["location_type"] != "physical" or has_point(location):
        return []
    physical = (row for row in addresses if row["address_type"] == "physical")
    return [postcode(row["postal_code"]) for row in physical]


def _cube(latitude: float, longitude: float) -> str:
    """A point on the unit sphere, as the text of a PostgreSQL cube."""
    a, b = math.radians(latitude), math.radians(longitude)
    x, y, z = math.cos(a) * math.cos(b), math.cos(a) * math.sin(b), math.sin(a)
    return f"({x:.12f},{y:.12f},{z:.12f})"


# The rule of `stand_of` over all public rows: which of them stand elsewhere than the operator's
# table now says. A row with a point of its own is left out, whatever the table has.
_MISPLACED = """
    SELECT DISTINCT p.service_id
      FROM directory_place p
      JOIN directory_location l ON l.id = p.location_id
      LEFT JOIN LATERAL (
           SELECT c.postcode, directory_point(c.latitude, c.longitude) AS point
             FROM directory_address a
             JOIN directory_postcode c ON c.postcode = sec.postcode(a.postal_code)
            WHERE a.location_id = l.id AND a.address_type = 'physical' AND NOT c.derived
              AND NOT l.confidential AND l.location_type = 'physical'
            ORDER BY a.position, a.id LIMIT 1) middle ON true
     WHERE (p.point IS NULL OR p.middle_of <> '')
       AND NOT (coalesce(abs(l.latitude) <= 90, false) AND coalesce(abs(l.longitude) <= 180, false))
       AND (p.middle_of <> coalesce(middle.postcode, '')
            OR (middle.point IS NOT NULL AND p.point <-> middle.point > 1e-9))
"""


def misplaced_services(using: str) -> list[UUID]:
    """The services with a place that does not stand where the operator's table of postcodes says,
    since another table was loaded. None once they are rendered again."""
    with connections[using].cursor() as cursor:
        cursor.execute(_MISPLACED)
        return sorted(service_id for (service_id,) in cursor.fetchall())
