"""Locates postcodes, from the operator's table or else from the directory's own addresses.

Points derived from addresses are rounded to a hundredth of a degree (about a kilometer). They use
only public places and are derived again as soon as one is hidden, since a code may have only one
address. For the same reason no place ever stands at a derived point (`middles`): they only say
where a search begins.
"""

import csv
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from django.db import connection, connections, transaction

from directory import models as m
from permissions.database.aliases import JOBS

LONGEST = 20  # characters; the world's longest has ten


def postcode(text: str) -> str:
    """Normalize a postcode for comparison: upper case, without spaces, ZIP+4 cut to five digits."""
    code = "".join(text.upper().split())
    return code[:5] if re.fullmatch(r"\d{5}-?\d{4}", code) else code


@dataclass(frozen=True, slots=True)
class Point:
    """Degrees, WGS 84."""

    latitude: float
    longitude: float


class UnreadablePostcodes(Exception):
    """The file is not a table of postcodes; the message says what is expected."""


def point_of(code: str) -> Point | None:
    """The midpoint of a postcode in the form of `postcode()`; None if it is unknown."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT latitude, longitude FROM directory_postcode WHERE postcode = %s", [code]
        )
        row = cursor.fetchone()
    return Point(*row) if row else None


def middles(codes: Collection[str], using: str) -> dict[str, Point]:
    """The midpoints of these postcodes, in the form of `postcode()`, by the operator's own table;
    codes that it does not have are left out, and never derived from addresses."""
    if not codes:
        return {}
    rows = m.Postcode.objects.using(using).filter(derived=False, postcode__in=codes)
    return {row.postcode: Point(row.latitude, row.longitude) for row in rows}


def is_loaded(using: str = JOBS) -> bool:
    """Whether the operator has loaded a table."""
    return m.Postcode.objects.using(using).filter(derived=False).exists()


def derive(using: str = JOBS) -> None:
    """Derive all points from addresses again; the operator's own table takes precedence."""
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        cursor.execute("SELECT sec.derive_postcodes(NULL)")


def load(path: Path) -> int:
    """Load a CSV file with the columns postcode, latitude, longitude. Returns the number of rows.

    Replaces the operator's earlier table: of two at once, the later one. Places that stand at a
    middle are rendered again after it (directory/projection/reindex.py, `place_again`). Twice is
    safe. Raises UnreadablePostcodes and then changes nothing.
    """
    rows = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            for number, row in enumerate(csv.DictReader(file), 2):
                try:
                    rows.append(_row(row))
                except (AttributeError, KeyError, TypeError, ValueError):  # a short row has None
                    raise UnreadablePostcodes(
                        f"{path}, line {number}: each line needs a postcode, a latitude and a"
                        " longitude in degrees (WGS 84)."
                    ) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnreadablePostcodes(f"{path} cannot be read: {error}.") from None
    if not rows:
        raise UnreadablePostcodes(f"{path} contains no postcode. Nothing was changed.")
    with transaction.atomic(using=JOBS):
        with connections[JOBS].cursor() as cursor:
            cursor.execute("LOCK TABLE directory_postcode IN SHARE ROW EXCLUSIVE MODE")
        m.Postcode.objects.using(JOBS).filter(derived=False).delete()
        m.Postcode.objects.using(JOBS).filter(postcode__in=[row.postcode for row in rows]).delete()
        m.Postcode.objects.using(JOBS).bulk_create(rows, batch_size=5000, ignore_conflicts=True)
    return len(rows)


def _row(row: dict[str, str]) -> m.Postcode:
    latitude, longitude = float(row["latitude"]), float(row["longitude"])
    code = postcode(row["postcode"])
    if not (0 < len(code) <= LONGEST and code.isprintable()):
        raise ValueError
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise ValueError
    return m.Postcode(postcode=code, latitude=latitude, longitude=longitude, derived=False)
