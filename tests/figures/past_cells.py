"""Cells of months that are over, as acts and the purge have left them."""

from collections.abc import Mapping
from datetime import date

from django.db import connections

from tests.support.people.callers import agency_id

# Of each referral one of each of these.
WHOLE = ("kind:community_advocate", "concern:domestic", "age_band:adult", "urgency:urgent")


def past(agency: str | None, side: str, begins: date, items: Mapping[str, int]) -> None:
    """Add these numbers to the cells."""
    with connections["jobs"].cursor() as cursor:
        for item, number in items.items():
            cursor.execute(
                "INSERT INTO count_cell (id, agency_id, side, begins, item, number, settled)"
                " VALUES (gen_random_uuid(), %(whose)s, %(side)s, %(begins)s, %(item)s, %(number)s,"
                " %(number)s) ON CONFLICT (agency_id, side, begins, item) DO UPDATE"
                " SET number = count_cell.number + excluded.number,"
                " settled = count_cell.settled + excluded.settled",
                {
                    "whose": agency_id(agency) if agency else None,
                    "side": side,
                    "begins": begins,
                    "item": item,
                    "number": number,
                },
            )


def referrals(agency: str | None, side: str, begins: date, number: int, **more: int) -> None:
    """Add referrals that were accepted within five minutes; `more` by item, with `__` for `:`."""
    items = dict.fromkeys(WHOLE, number) | {
        "outcome:accepted": number,
        "answered:m5": number,
        "accepted:m5": number,
        "need:shelter": number,
    }
    past(agency, side, begins, items | {name.replace("__", ":"): n for name, n in more.items()})


def network(begins: date, number: int, side: str = "net", **more: int) -> None:
    """Add referrals of the police to ywca to what the network is shown, or to what is kept out."""
    referrals(None, side, begins, number, **more)
    past("police", side, begins, {"whole:sent": number})
    past("ywca", side, begins, {"whole:received": number})


def some_years() -> None:
    """Three years of two agencies, and searches that found nothing."""
    for year, number in ((2024, 3), (2025, 8), (2026, 4)):
        for month in (2, 5, 8, 11):
            if (year, month) != (2026, 11):
                first = date(year, month, 1)
                referrals("police", "from", first, number, declined__no_capacity=1, late__answer=1)
                referrals("ywca", "to", first, number, declined__no_capacity=1, late__answer=1)
                network(first, number, declined__no_capacity=1, late__answer=1)
    with connections["jobs"].cursor() as cursor:
        for begins, code, area in (
            ("2025-05-01", "needs:emergency-shelter", "598"),
            ("2025-06-01", "not_listed:class_for_buyers", "598"),
            ("2025-06-01", "not_listed:class_for_buyers", ""),
        ):
            cursor.execute(
                "INSERT INTO directory_unmet_search (id, month, codes, area, count)"
                " VALUES (gen_random_uuid(), %s, ARRAY[%s], %s, 14)",
                [begins, code, area],
            )
