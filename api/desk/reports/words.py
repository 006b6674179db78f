"""What the figures say: periods, codes and lengths of time in words for people."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from api.desk.agency.words import KINDS
from api.desk.labels import label
from api.desk.times import month_and_year
from referrals.numbers.periods import Period
from referrals.numbers.published_figures import NetworkFigures
from referrals.numbers.time_steps import STEPS

OUTCOMES: Mapping[str, Promise] = {
    "waiting": _("Not answered yet"),
    "accepted": _("Accepted"),
    "completed": _("Accepted, and completed"),
    "unable": _("Accepted, and not completed"),
    "declined": _("Declined"),
    "withdrawn": _("Withdrawn by the sender"),
    "stopped": _("Stopped"),
    "expired": _("Not answered in time: expired"),
}
FAMILIES: Mapping[str, Promise] = {
    "outcome": _("How they ended"),
    "declined": _("Why they were declined"),
    "urgency": _("Urgency"),
    "need": _("Needs (a referral may have several)"),
    "concern": _("Concern"),
    "age_band": _("Age"),
}
CODE_LISTS = {"declined": "decline", "need": "needs"}
CALENDARS: Mapping[str, Promise] = {
    "month": _("Months"),
    "quarter": _("Quarters"),
    "half_year": _("Half-years"),
    "year": _("Years"),
    "federal_half_year": _("Halves of the federal year"),
    "federal_year": _("Federal years (October to September)"),
}


def code_words(family: str, code: str) -> str:
    """Return a code of a family of counts in words."""
    match family:
        case "outcome":
            return str(OUTCOMES.get(code, code))
        case "kind":
            words = str(KINDS.get(code, _("other kinds")))
            return words[:1].upper() + words[1:]
    return label(CODE_LISTS.get(family, family), code)


def since_words(figures: NetworkFigures | None) -> str:
    """Return the month in which counting began, where that is within the period; else ''."""
    return month_and_year(figures.since) if figures and figures.since else ""


def period_words(period: Period) -> str:
    """Return words such as "October 2026", "2nd quarter of 2026" or "federal year 2026"."""
    year = period.name.removeprefix("FY")[:4]
    part = period.name[-1]
    match period.calendar:
        case "month":
            return month_and_year(period.begins)
        case "quarter":
            return gettext("quarter {part} of {year}").format(part=part, year=year)
        case "half_year" if part == "1":
            return gettext("first half of {year}").format(year=year)
        case "half_year":
            return gettext("second half of {year}").format(year=year)
        case "federal_half_year" if part == "1":
            return gettext("first half of federal year {year}").format(year=year)
        case "federal_half_year":
            return gettext("second half of federal year {year}").format(year=year)
        case "federal_year":
            return gettext("federal year {year}").format(year=year)
    return year


def step_words(step: str) -> str:
    """Return how long a step lasts at most: "5 min", "4 h", "3 days", or "more than a week"."""
    minutes = STEPS[step]
    if minutes is None:
        return gettext("more than a week")
    if minutes > 1_440:
        return gettext("{number} days").format(number=minutes // 1_440)
    if minutes >= 60:
        return gettext("{number} h").format(number=minutes // 60)
    return gettext("{number} min").format(number=minutes)
