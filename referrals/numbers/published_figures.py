"""Reading the network's figures, and publishing those of a year (ADR 0144).

The coordinator is shown what the background work has made (referrals/numbers/network_figures.py),
enters what was published of earlier years, and publishes a year. What is published is for everyone,
and does not change. An agency's lead decides whether the figures name the agency.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from django.db import connection
from django.utils.translation import gettext_noop

from directory.trainings import trainings
from permissions import displayed_text
from permissions.audit import writer
from permissions.database.db_identity import identified_transaction
from permissions.errors import BadRequest, NotPermitted, NotVisible
from permissions.principal import Principal
from referrals.numbers import own_report
from referrals.numbers.bands import Band
from referrals.numbers.periods import Period, parse

MOST = 10_000_000  # of anything in an earlier year
MOST_SOURCE = 200
FIRST_YEAR, LAST_YEAR = 1990, 2099
NOTHING_SAID = gettext_noop("Enter at least one number.")
COUNTED = gettext_noop("Cairn has figures of this year. Enter only years before.")
NO_SOURCE = gettext_noop("Enter where it was published.")
_YEAR = re.compile(r"(19|20)\d\d", re.ASCII)


class Agency(NamedTuple):
    name: str
    sent: Band
    received: Band


class Gap(NamedTuple):
    """What was searched for and not found. `areas`: by the first digits of a postcode; '' where
    none was given."""

    code: str
    searches: Band
    areas: Mapping[str, Band]


class NetworkFigures(NamedTuple):
    """The figures of a quarter or a year. `tables`: families of codes, each with the codes of which
    there is any. `trainings` and `people` are None until they are published."""

    period: Period
    threshold: int
    since: date | None  # the first month that was counted, if it is within the period
    made_at: datetime
    published_at: datetime | None
    referrals: Band
    late: Band
    tables: Mapping[str, Mapping[str, Band]]
    agencies: Sequence[Agency]
    gaps: Sequence[Gap]
    trainings: int | None
    people: int | None


class EarlierYear(NamedTuple):
    """What was published of a year before Cairn. None: nothing was said of it."""

    year: int
    cases: int | None
    trainings: int | None
    people: int | None
    source: str


class Taught(NamedTuple):
    """The trainings of a month."""

    month: date
    trainings: int
    people: int


class Known(NamedTuple):
    """What the coordinator is shown: the newest period first, and the oldest year."""

    figures: list[NetworkFigures]
    earlier: list[EarlierYear]
    taught: list[Taught]


def known(principal: Principal) -> Known:
    """Return all that is made for the coordinator. One access entry. Raises NotPermitted."""
    with writer.logged_act(principal, "figures.read"):
        require_coordinator(principal)
        rows = _rows("SELECT * FROM sec.trainings_by_month(%s, %s)", trainings.FIRST_DAY, date.max)
        return Known(_figures(False), _earlier(), [Taught(*row) for row in rows])


def published() -> tuple[list[NetworkFigures], list[EarlierYear]]:
    """Return what is published, the newest year first; and what was published of earlier years, the
    oldest first, without those that are among the first. For everyone."""
    figures = _figures(True)
    own = {one.period.name for one in figures}
    return figures, [one for one in _earlier() if str(one.year) not in own]


def publish(principal: Principal, year: str) -> None:
    """Publish the figures of a year, with its trainings as they are entered now. A second time
    changes nothing. Raises NotPermitted, and NotVisible if they are not made."""
    with writer.logged_act(principal, "figures.publish"):
        require_coordinator(principal)
        if not _YEAR.fullmatch(year) or not _one("SELECT sec.publish_figures(%s)", year):
            raise NotVisible


def store_earlier_year(principal: Principal, told: EarlierYear) -> None:
    """Enter what was published of an earlier year, or correct it. The same again is safe. Raises
    NotPermitted, BadRequest."""
    source = displayed_text.normalized(told.source).strip()
    if not FIRST_YEAR <= told.year <= LAST_YEAR:
        raise BadRequest("invalid", None, "/year")
    numbers = {"cases": told.cases, "trainings": told.trainings, "people": told.people}
    for name, number in numbers.items():
        if number is not None and not 0 <= number <= MOST:
            raise BadRequest("invalid", None, f"/{name}")
    if all(number is None for number in numbers.values()):
        raise BadRequest("invalid", NOTHING_SAID, "/cases")
    if not 1 <= len(source) <= MOST_SOURCE:
        raise BadRequest("invalid", NO_SOURCE, "/source")
    if fault := displayed_text.fault_of(source, lines=False):
        raise BadRequest("invalid", fault, "/source")
    with writer.logged_act(principal, "earlier_year.store"):
        require_coordinator(principal)
        made = _rows("SELECT period FROM sec.network_figures(%s)", False)
        if (str(told.year),) in made:
            raise BadRequest("invalid", COUNTED, "/year")
        _one("SELECT sec.store_earlier_year(%s, %s, %s, %s, %s)", *told._replace(source=source))


def delete_earlier_year(principal: Principal, year: int) -> None:
    """Delete what was entered. Raises NotPermitted, and NotVisible if there is nothing."""
    with writer.logged_act(principal, "earlier_year.delete"):
        require_coordinator(principal)
        known_year = FIRST_YEAR <= year <= LAST_YEAR
        if not known_year or not _one("SELECT sec.delete_earlier_year(%s)", year):
            raise NotVisible


def require_coordinator(principal: Principal) -> None:
    """Raise NotPermitted unless it is the coordinator, in person and not in practice."""
    if principal.is_client or principal.practices or not principal.has_role("coordinator"):
        raise NotPermitted("role_missing", "The network's figures are read by the coordinator.")


# -- Whether an agency is named --------------------------------------------------------------------


def agreed_since(principal: Principal) -> datetime | None:
    """Return since when the figures may name the caller's agency. None: they may not. Raises
    NotPermitted."""
    own_report.require_reader(principal)
    with identified_transaction(principal):
        since: datetime | None = _one("SELECT sec.figures_agreed_since()")
        return since


def agree(principal: Principal, *, agree: bool) -> None:
    """Let the figures that are made from now on name the agency, or no longer. What is published
    stays. A second time changes nothing. Raises NotPermitted."""
    with writer.logged_act(principal, "figures.agree" if agree else "figures.end_agreement"):
        own_report.require_reader(principal)
        if principal.is_client:
            raise NotPermitted("not_a_person", "A lead decides it, in person.")
        _one("SELECT sec.agree_to_figures(%s)", agree)


# -- Rows ------------------------------------------------------------------------------------------


def _figures(published_only: bool) -> list[NetworkFigures]:
    rows = _rows("SELECT * FROM sec.network_figures(%s)", published_only)
    return [_of_row(*row) for row in rows]


def _of_row(
    period: str,
    stored: str,
    made_at: datetime,
    published_at: datetime | None,
    taught: int | None,
    people: int | None,
) -> NetworkFigures:
    content: dict[str, Any] = json.loads(stored)
    return NetworkFigures(
        period=parse(period),
        threshold=content["threshold"],
        since=date.fromisoformat(content["since"]) if content.get("since") else None,
        made_at=made_at,
        published_at=published_at,
        referrals=Band(*content["referrals"]),
        late=Band(*content["late"]),
        tables={
            family: {code: Band(*shown) for code, shown in codes.items()}
            for family, codes in content["tables"].items()
        },
        agencies=[
            Agency(one["name"], Band(*one["sent"]), Band(*one["received"]))
            for one in content["agencies"]
        ],
        gaps=[
            Gap(
                one["code"],
                Band(*one["searches"]),
                {area: Band(*shown) for area, shown in one["areas"].items()},
            )
            for one in content["gaps"]
        ],
        trainings=taught,
        people=people,
    )


def _earlier() -> list[EarlierYear]:
    return [EarlierYear(*row) for row in _rows("SELECT * FROM sec.earlier_years()")]


def _one(text: str, *values: Any) -> Any:
    return _rows(text, *values)[0][0]


def _rows(text: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(text, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
