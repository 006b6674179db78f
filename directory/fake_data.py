"""Writes an invented directory of any size in tabular form, for the benchmark and tests.

The same size and seed give the same files. Towns, names and streets are invented, and phone numbers
end in 555-01xx. The services use terms of our own taxonomies (directory/vocabulary.py), which have
to be loaded before the files are imported. Rows are written as they are made: memory does not grow.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from directory import vocabulary
from directory.fake_words import (
    ASK,
    DAYS,
    FIRST,
    FORMS,
    HOURS,
    KINDS,
    LANGUAGES,
    LAST,
    MIDDLES,
    OPENERS,
    PAPERS,
    REACH,
    STREETS,
    TOWNS_A,
    TOWNS_B,
    WHO,
)

SERVICES_PER_ORGANIZATION = 8
CONFIDENTIAL = 0.03  # share of services; a third of it for organizations

COLUMNS = {
    "organizations": "id name alternate_name description email website confidential",
    "locations": (
        "id organization_id location_type name description transportation latitude longitude"
        " confidential"
    ),
    "services": (
        "id organization_id name alternate_name description url email status"
        " interpretation_services application_process fees_description eligibility_description"
        " minimum_age maximum_age assured_date last_modified confidential victimization_types"
        " intake_paused"
    ),
    "service_at_location": "id service_id location_id",
    "addresses": ("id location_id address_1 city state_province postal_code country address_type"),
    "phones": "id service_id organization_id number type description",
    "schedules": (
        "id service_id service_at_location_id freq wkst byday opens_at closes_at description"
    ),
    "languages": "id service_id name code",
    "accessibility": "id location_id description details",
    "service_areas": "id service_id name",
    "cost_options": "id service_id option currency amount amount_description",
    "required_documents": "id service_id document",
    "contacts": "id organization_id name title",
    "attributes": "id link_id link_entity taxonomy_term_id",
}
SOUTH, NORTH, WEST, EAST = 44.6, 48.9, -115.9, -104.2  # about Montana

Cells = list[Any]


@dataclass
class _Towns:
    """Invented towns, each with its coordinates."""

    names: list[str]
    at: list[tuple[float, float]]


@dataclass
class _Making:
    random: Random
    prefix: str  # for ids, from the seed
    towns: _Towns
    needs: Sequence[tuple[str, str]]  # term id, name
    others: Sequence[str]  # ids of terms for whom a service is
    harms: Sequence[str]
    number: int = 0
    rows: dict[str, list[Cells]] = field(default_factory=lambda: {t: [] for t in COLUMNS})

    def pick(self, of: Sequence[Any]) -> Any:
        return of[int(self.random.random() * len(of))]

    def new(self) -> str:
        """The next id: a UUID made from the seed and a number."""
        self.number += 1
        return f"{self.prefix}-0000-4000-8000-{self.number:012x}"

    def phone(self) -> str:
        return f"406-555-01{int(self.random.random() * 100):02d}"


def generate(
    services: int, folder: Path, *, seed: int = 1, progress: Callable[[int], None] | None = None
) -> None:
    """Write `services` services and their related rows into `folder`, which is created."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        writers = {}
        for table, columns in COLUMNS.items():
            file = stack.enter_context((folder / f"{table}.csv").open("w", newline=""))
            writers[table] = csv.writer(file, lineterminator="\n")
            writers[table].writerow(columns.split())
        making = _making(seed)
        done = 0
        for size in _sizes(services, making.random):
            _organization(making, size)
            done += size
            if len(making.rows["services"]) >= 2_000 or done == services:
                for table, rows in making.rows.items():
                    writers[table].writerows(rows)
                    rows.clear()
                if progress:
                    progress(done)


def _making(seed: int) -> _Making:
    random = Random(seed)
    names = [a + b for a in TOWNS_A for b in TOWNS_B]
    random.shuffle(names)
    places = [(random.uniform(SOUTH, NORTH), random.uniform(WEST, EAST)) for _ in names]
    needs, others, harms = [], [], []
    for term in vocabulary.terms():
        key = str(vocabulary.term_id(term.taxonomy, term.code))
        if term.taxonomy == "needs":
            needs.append((key, term.names["en"]))
        elif term.taxonomy == "victimization":
            harms.append(term.code)
        else:
            others.append(key)
    prefix = f"{seed & 0xFFFFFFFF:08x}"
    return _Making(random, prefix, _Towns(names, places), needs, others, harms)


def _sizes(services: int, random: Random) -> Iterator[int]:
    left = services
    while left > 0:
        size = min(left, 1 + int(random.random() * (2 * SERVICES_PER_ORGANIZATION - 1)))
        left -= size
        yield size


def _organization(m: _Making, size: int) -> None:
    chance = m.random.random
    town = int(chance() ** 2 * len(m.towns.names))  # a few large towns, many small ones
    name, (north, east) = m.towns.names[town], m.towns.at[town]
    hidden = chance() < CONFIDENTIAL / 3
    key = m.new()
    called = f"{name} {m.pick(TOWNS_A)} {m.pick(KINDS)}"
    short = "".join(word[0] for word in called.split())
    mail = f"office@{called.lower().replace(' ', '-').replace(chr(39), '')}.example.org"
    site = "https://" + mail.split("@")[1]
    m.rows["organizations"].append(
        [key, called, short, f"{m.pick(OPENERS)} {m.pick(MIDDLES)}", mail, site, _flag(hidden)]
    )
    m.rows["phones"].append([m.new(), "", key, m.phone(), "voice", "Main office"])
    m.rows["contacts"].append([m.new(), key, f"{m.pick(FIRST)} {m.pick(LAST)}", "Coordinator"])
    places = [
        _place(m, key, town, name, north, east, hidden) for _ in range(1 + int(size * chance() / 2))
    ]
    for _ in range(size):
        _service(m, key, name, mail, places, hidden)


def _place(
    m: _Making, organization: str, town: int, name: str, north: float, east: float, hidden: bool
) -> str:
    chance = m.random.random
    key = m.new()
    street = m.pick(STREETS)
    m.rows["locations"].append(
        [
            key,
            organization,
            "physical",
            f"{name}, {street} Street",
            "",
            f"Bus to {street} Street",
            "" if hidden else f"{north + (chance() - 0.5) / 8:.6f}",
            "" if hidden else f"{east + (chance() - 0.5) / 6:.6f}",
            "",
        ]
    )
    if not hidden:
        line = f"{int(chance() * 9000) + 100} {street} Street"
        postcode = f"59{town % 1000:03d}"
        m.rows["addresses"].append([m.new(), key, line, name, "MT", postcode, "US", "physical"])
    if chance() < 0.4:
        m.rows["accessibility"].append([m.new(), key, m.pick(REACH), ""])
    return key


def _service(
    m: _Making, organization: str, town: str, mail: str, places: list[str], known: bool
) -> None:
    chance = m.random.random
    key = m.new()
    term, need = m.pick(m.needs)
    hidden = not known and chance() < CONFIDENTIAL
    harms = {m.pick(m.harms) for _ in range(int(chance() * 4))}
    adults = chance() < 0.3
    day = f"{int(chance() * 28) + 1:02d}"
    month = f"{int(chance() * 9) + 1:02d}"
    m.rows["services"].append(
        [
            key,
            organization,
            m.pick(FORMS).format(need=need, town=town),
            "",
            f"{need}. {m.pick(OPENERS)} {m.pick(MIDDLES)}",
            "",
            mail if chance() < 0.5 else "",
            "active" if chance() < 0.97 else "inactive",
            "By telephone" if chance() < 0.3 else "",
            m.pick(ASK),
            "Free" if chance() < 0.7 else "Sliding scale",
            m.pick(WHO),
            "18" if adults else "",
            "",
            f"2026-{month}-{day}",
            f"2026-{month}-{day}T12:00:00Z",
            _flag(hidden),
            ",".join(sorted(harms)),
            _flag(chance() < 0.02),
        ]
    )
    _hours_and_place(m, key, places, hidden)
    m.rows["phones"].append([m.new(), key, "", m.phone(), "voice", ""])
    m.rows["attributes"].append([m.new(), key, "service", term])
    if chance() < 0.5:
        m.rows["attributes"].append([m.new(), key, "service", m.pick(m.others)])
    if chance() < 0.35:
        m.rows["languages"].append([m.new(), key, *m.pick(LANGUAGES)])
    if chance() < 0.3:
        m.rows["service_areas"].append([m.new(), key, f"{town} and the county around it"])
    if chance() < 0.2:
        amount = f"{int(chance() * 12) * 5}.00"
        m.rows["cost_options"].append([m.new(), key, "Adults", "USD", amount, "a session"])
    if chance() < 0.15:
        m.rows["required_documents"].append([m.new(), key, m.pick(PAPERS)])


def _hours_and_place(m: _Making, service: str, places: list[str], hidden: bool) -> None:
    chance = m.random.random
    at = ""
    if not hidden and chance() < 0.9:  # a confidential service has no place
        for place in dict.fromkeys(m.pick(places) for _ in range(1 + (chance() < 0.1))):
            at = m.new()
            m.rows["service_at_location"].append([at, service, place])
    if chance() < 0.8:
        opens, closes = m.pick(HOURS)
        where = ["", at] if at and chance() < 0.2 else [service, ""]
        m.rows["schedules"].append(
            [m.new(), *where, "WEEKLY", "MO", m.pick(DAYS), opens, closes, ""]
        )


def _flag(yes: bool) -> str:
    return "yes" if yes else "no"
