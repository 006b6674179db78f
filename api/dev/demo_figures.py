"""The demo's past: two years of counts, searches in vain, and what was published before, so that
the figures of a network that was made today can be looked at. All of it is invented."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from random import Random

from django.db import connections, transaction

from api.dev.cast import CAST
from api.dev.demo import agency_id, as_member
from permissions.database.aliases import JOBS
from permissions.database.clock import database_now
from permissions.errors import NotPossible
from referrals.numbers import network_figures, published_figures
from referrals.numbers.periods import shifted
from referrals.numbers.published_figures import EarlierYear

MONTHS = 24
# Who sends to whom, and how many in three months.
SENT = (("police", "ywca", 5), ("police", "sarc", 3), ("hospital", "ywca", 4), ("sarc", "ywca", 2))
CONCERNS = ("domestic", "sexual_assault", "sex_trafficking", "labor_trafficking", "stalking")
NEEDS = ("shelter", "advocacy", "safety_planning", "legal_aid", "medical_forensic_exam")
ENDS = ("accepted", "accepted", "accepted", "accepted", "declined", "expired")
QUICK = ("m2", "m5", "m5", "m10", "m30", "h2")
GAPS = (("not_listed:class_for_buyers", "598", 4), ("needs:housing", "598", 6))
# The year, cases, trainings and people trained.
EARLIER = (
    *((2014, 5, 6, 150), (2015, 10, 14, 380), (2016, 9, 15, 400)),
    *((2017, 11, 13, 350), (2018, 10, 14, 370), (2019, 10, 13, 350)),
)

Key = tuple[str | None, str, str, str]  # the agency, its side, the month, what


def count() -> None:
    """Add them, unless there are counts. Twice is safe."""
    this_month = database_now(JOBS).date().replace(day=1)
    with transaction.atomic(using=JOBS), connections[JOBS].cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM count_cell)")
        if cursor.fetchone() == (True,):
            return
        found = _cells(this_month)
        cursor.execute(
            "INSERT INTO count_cell (id, agency_id, side, begins, item, number, settled)"
            " SELECT gen_random_uuid(), whose::uuid, side, begins::date, item, number, number"
            " FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::int[])"
            " AS given (whose, side, begins, item, number)",
            [*map(list, zip(*found, strict=True)), list(found.values())],
        )
        for back in range(1, MONTHS, 2):
            for code, area, number in GAPS:
                cursor.execute(
                    "INSERT INTO directory_unmet_search (id, month, codes, area, count)"
                    " VALUES (gen_random_uuid(), %s, ARRAY[%s], %s, %s) ON CONFLICT DO NOTHING",
                    [shifted(this_month, -back), code, area, number],
                )
    network_figures.step()
    with suppress(NotPossible), as_member("taskforce", "coordinator") as coordinator:
        for year in EARLIER:
            told = EarlierYear(*year, source="Invented for the demo")
            published_figures.store_earlier_year(coordinator, told)


def _cells(this_month: date) -> Counter[Key]:
    """What some months of referrals leave in the cells of both sides, purged long ago."""
    kinds = {unit.key: unit.kind for unit in CAST}
    lot = Random(2026)
    found: Counter[Key] = Counter()
    for back in range(1, MONTHS + 1):
        month = shifted(this_month, -back)
        for sender, recipient, often in SENT:
            for _ in range(often // 3 + (lot.random() < often % 3 / 3)):
                items = list(_items(lot))
                for item in (*items, f"kind:{kinds[recipient]}"):
                    found[None, "net", month.isoformat(), item] += 1
                found[str(agency_id(sender)), "net", month.isoformat(), "whole:sent"] += 1
                found[str(agency_id(recipient)), "net", month.isoformat(), "whole:received"] += 1
                for side, whose, other in (("from", sender, recipient), ("to", recipient, sender)):
                    id_ = str(agency_id(whose))
                    for item in (*items, f"kind:{kinds[other]}"):
                        found[id_, side, month.isoformat(), item] += 1
    return found


def _items(lot: Random) -> Iterator[str]:
    """One referral, as each side counts it."""
    end = lot.choice(ENDS)
    yield f"concern:{lot.choice(CONCERNS)}"
    yield f"age_band:{lot.choice(('adult', 'adult', 'adult', 'minor', 'not_stated'))}"
    yield f"urgency:{lot.choice(('emergency', 'urgent', 'urgent', 'routine'))}"
    yield f"outcome:{end}"
    yield from (f"need:{one}" for one in lot.sample(NEEDS, lot.randint(1, 2)))
    if end == "expired":
        yield "late:answer"
    else:
        quick = lot.choice(QUICK)
        yield f"answered:{quick}"
        yield f"accepted:{quick}" if end == "accepted" else "declined:no_capacity"
