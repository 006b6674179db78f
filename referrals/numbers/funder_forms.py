"""Forms that funders ask for, and the numbers of them that Cairn can give.

A form is data, one file in the folder `forms`: its sections and items, and for each item either
where the number comes from or why there is none. A new form needs no code. What a form asks is said
in our own words; `seen` tells how well its text was known to who wrote the file.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from referrals.numbers.own_report import OwnReport, Taught
from referrals.numbers.periods import CALENDARS

FILES = Path(__file__).parent / "forms"
# Why Cairn has no number for an item.
REASONS = (
    *("people", "demographics", "services_given", "case_work", "money_staff", "narrative"),
    *("partners", "not_kept"),
)
SEEN = ("form", "instructions", "secondary")


class Item(NamedTuple):
    """`figure` is None where there is no number; then `reason` is one of REASONS, else ''. `number`
    is the form's own, '' where it is not known to us. `of_people`: the form counts people, and the
    figure referrals."""

    number: str
    asks: str
    figure: Mapping[str, Any] | None
    reason: str
    of_people: bool


class Section(NamedTuple):
    heading: str
    items: Sequence[Item]


class Form(NamedTuple):
    """`calendar` is one of periods.CALENDARS; `for_kinds` are the kinds of agency that file it."""

    id: str
    name: str
    funder: str
    title: str
    edition: str
    source: str
    seen: str
    calendar: str
    for_kinds: Sequence[str]
    sections: Sequence[Section]


@lru_cache
def forms() -> tuple[Form, ...]:
    """Return every form, by name. Raises KeyError or ValueError for a file that is not one."""
    found = [_form(json.loads(path.read_text("utf-8"))) for path in sorted(FILES.glob("*.json"))]
    return tuple(sorted(found, key=lambda one: one.name))


def find(form_id: str) -> Form | None:
    return next((one for one in forms() if one.id == form_id), None)


def numbers(form: Form, report: OwnReport) -> list[list[int | None]]:
    """Return the number of each item of each section, in the form's order. None: there is none."""
    return [
        [_number(item.figure, report) if item.figure else None for item in section.items]
        for section in form.sections
    ]


def _number(figure: Mapping[str, Any], report: OwnReport) -> int:
    if "trainings" in figure:
        counted = [one for one in report.taught if _is_meant(figure, one)]
        return sum(one.people if figure["trainings"] == "people" else one.number for one in counted)
    if "calls" in figure:
        return sum(report.calls.get(code, 0) for code in figure["calls"])
    side = report.sent if figure["side"] == "from" else report.received
    if figure.get("referrals"):
        return side.referrals
    found = (item.split(":", 1) for item in figure["items"])
    return sum(side.by[family].get(code, 0) for family, code in found)


def _is_meant(figure: Mapping[str, Any], one: Taught) -> bool:
    asked = (("audiences", one.audience), ("sectors", one.sector), ("topics", one.topic))
    return all(name not in figure or code in figure[name] for name, code in asked)


def _form(told: dict[str, Any]) -> Form:
    sections = [
        Section(one["heading"], [_item(item) for item in one["items"]]) for one in told["sections"]
    ]
    if told["period"] not in CALENDARS or told["seen"] not in SEEN:
        raise ValueError(f"{told['id']}: an unknown period, or how it was seen.")
    names = ("id", "name", "funder", "title", "edition", "source", "seen")
    texts = {name: told[name] for name in names}
    return Form(**texts, calendar=told["period"], for_kinds=told["for_kinds"], sections=sections)


def _item(told: dict[str, Any]) -> Item:
    reason = told["reason"] or ""
    if (told["figure"] is None) == (reason not in REASONS):
        raise ValueError(f"{told['asks']}: either a figure, or a reason.")
    return Item(told["number"], told["asks"], told["figure"], reason, told["note"] == "referrals")
