"""The reports of generated lives are the truth that was kept aside (tests/figures/lives.py)."""

from collections import Counter
from datetime import date
from typing import Any
from uuid import UUID

from referrals.numbers import network_figures, own_report
from referrals.numbers.network_figures import Cells
from referrals.numbers.own_report import FAMILIES, Side
from referrals.numbers.periods import Period, containing
from tests.figures.lives import Lives
from tests.support.people.callers import agency_id, principal

CALENDARS = ("month", "quarter", "half_year", "year", "federal_year")


def reports_are_the_truth(lives: Lives, superuser: Any) -> int:
    """Compare each agency's figures of each period of each calendar that is over, and the stored
    figures of the network. Returns how many were compared."""
    truth = lives.truth()
    compared = 0
    for agency in lives.kinds:
        whose = str(agency_id(agency))
        lead = principal(lives.api(f"{agency}.lead"))
        this_month = own_report.own_figures(lead).this_month
        months = sorted({key[2] for key in truth if key[0] == whose})
        periods = {containing(calendar, month) for calendar in CALENDARS for month in months}
        for period in sorted(periods):
            if period.begins >= this_month:
                continue
            report = own_report.own_figures(lead, period).report
            for side, shown in (("from", report.sent), ("to", report.received)):
                ends = min(period.ends, this_month)
                _is(shown, _counted(truth, whose, side, period.begins, ends), period)
                compared += 1
    return compared + _network_is_the_truth(lives, superuser)


def _counted(
    truth: dict[Any, int], whose: str | None, side: str, begins: date, ends: date
) -> Counter[str]:
    found: Counter[str] = Counter()
    for (agency, of, month, item), number in truth.items():
        if (agency, of) == (whose, side) and begins <= month < ends:
            found[item] += number
    return found


def _is(shown: Side, true: Counter[str], period: Period) -> None:
    for family in FAMILIES:
        expected = {
            item.partition(":")[2]: number
            for item, number in true.items()
            if item.startswith(f"{family}:") and number
        }
        assert shown.by[family] == expected, (period, family)
    assert shown.referrals == sum(shown.months.values()) == sum(shown.by["urgency"].values())
    assert shown.late == true["late:answer"]
    assert shown.late_handoffs == true["late:handoff"]
    for name, times in (("answered", shown.answered), ("accepted", shown.accepted)):
        assert {step: number for step, number in times.steps.items() if number} == {
            item.partition(":")[2]: number
            for item, number in true.items()
            if item.startswith(f"{name}:") and number
        }


def _network_is_the_truth(lives: Lives, superuser: Any) -> int:
    """What is stored of each quarter and year is the bands of the truth as it was when they were
    made: so nothing may come later. Returns how many there are."""
    network_figures.step()
    with superuser.cursor() as cursor:
        cursor.execute("SELECT period, content FROM network_figures")
        stored = dict(cursor.fetchall())
    superuser.commit()
    truth = lives.truth()
    for name, found in stored.items():
        period = network_figures.parse(name)
        items: Counter[str] = Counter()
        of_agencies: dict[str, dict[UUID, int]] = {"sent": {}, "received": {}}
        for (agency, side, month, item), number in truth.items():
            if side == "net" and period.begins <= month < period.ends:
                if agency is None:
                    items[item] += number
                else:
                    known = of_agencies[item.removeprefix("whole:")]
                    known[UUID(agency)] = known.get(UUID(agency), 0) + number
        kinds = dict.fromkeys(lives.kinds.values(), (2, 0))
        cells = Cells(items, of_agencies["sent"], of_agencies["received"], {}, [], kinds, None)
        true = network_figures.content(period, cells, found["threshold"])
        for key in ("referrals", "late"):
            assert found[key] == list(true[key]), (name, key)
        del true["tables"]["kind"]  # tests/figures/test_network_figures.py
        for family, codes in true["tables"].items():
            shown = {code: list(band) for code, band in codes.items()}
            assert found["tables"][family] == shown, (name, family)
    return len(stored)
