"""Parties of readers who put together what each can read of the figures, and a solver for what they
can work out of it (ADR 0144).

The party is the coordinator, the public, the oversight auditor, and the leads of all agencies but
two. They know exactly each referral that one of them sent or received, and each published band of
each period. What they do not know is what the two sent one another: whole numbers, for each quarter
and direction, of each code. A number of it is given away if there is only one value that all of the
tables allow. (If only one agency is left out, they have sent or received each of its referrals.)
"""

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID, uuid5

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import lil_array

from permissions.audit.statistics import SPAN
from referrals import codes
from referrals.numbers.network_figures import Cells, content
from referrals.numbers.periods import Period, parse

YEAR = 2025
QUARTERS = tuple(f"{YEAR}-Q{one}" for one in (1, 2, 3, 4))
KINDS = {"police": "law_enforcement", "hospital": "healthcare", "ywca": "community_advocate"}
KINDS |= {"campus": "community_advocate", "aid": "legal"}
IDS = {name: uuid5(UUID(int=1), name) for name in KINDS}
SINGLE = ("kind", "concern", "age_band", "urgency", "outcome")


class Referral(NamedTuple):
    sender: str
    recipient: str
    quarter: str
    items: frozenset[str]  # as the sender's side counts them


def a_network(seed: int, most: int) -> list[Referral]:
    """Referrals of a year: some agencies send many, some few."""
    lot = random.Random(seed)
    pairs = [(a, b) for a in KINDS for b in KINDS if a != b]
    weights = [lot.choice((0, 0, 1, 1, 3, 8)) for _ in pairs]
    few = {name: lot.sample(list(known), 3) for name, known in FEW.items()}
    return [
        _referral(lot, *lot.choices(pairs, weights)[0], few) for _ in range(lot.randint(8, most))
    ]


FEW: Mapping[str, Any] = {
    "concern": codes.CONCERN,
    "age_band": codes.AGE_BAND,
    "urgency": codes.URGENCY,
    "need": codes.NEEDS,
}
ENDS = ("accepted", "accepted", "declined", "withdrawn", "expired")


def _referral(
    lot: random.Random, sender: str, recipient: str, few: Mapping[str, list[str]]
) -> Referral:
    end = lot.choice(ENDS)
    items = {f"{one}:{lot.choice(few[one])}" for one in ("concern", "age_band", "urgency")}
    items |= {f"need:{one}" for one in lot.sample(few["need"], lot.randint(0, 2))}
    items |= {f"kind:{KINDS[recipient]}", f"outcome:{end}"}
    if end in ("accepted", "declined"):
        items.add(f"answered:{lot.choice(('m15', 'h1', 'd1', 'later'))}")
    if end == "declined":
        items.add(f"declined:{lot.choice(('no_capacity', 'out_of_area'))}")
    if lot.random() < 0.2:
        items.add("late:answer")
    return Referral(sender, recipient, lot.choice(QUARTERS), frozenset(items))


def published(network: list[Referral], named: set[str]) -> dict[str, dict[str, Any]]:
    """The figures of each quarter and of the year, as they are stored."""
    return {
        name: content(parse(name), _cells(network, parse(name), named), 10)
        for name in (*QUARTERS, str(YEAR))
    }


def _cells(network: list[Referral], period: Period, named: set[str]) -> Cells:
    counted = [one for one in network if period.begins <= parse(one.quarter).begins < period.ends]
    return Cells(
        items=Counter(item for one in counted for item in one.items),
        sent=Counter(IDS[one.sender] for one in counted),
        received=Counter(IDS[one.recipient] for one in counted),
        gaps={},
        named=[(IDS[name], name) for name in sorted(named)],
        kinds=dict.fromkeys(KINDS.values(), (2, 0)),
        began=None,
    )


# -- What a party knows ----------------------------------------------------------------------------


class Party:
    """A party that leaves two agencies out, and its unknowns: of each quarter and direction, how
    many referrals, and how many with each item."""

    def __init__(self, network: list[Referral], tables: Mapping[str, Any], two: tuple[str, str]):
        self.hidden = [one for one in network if {one.sender, one.recipient} == set(two)]
        self.known = [one for one in network if {one.sender, one.recipient} != set(two)]
        self.two = two
        items = {item for one in network for item in one.items}
        self.items = sorted({*items, *(f"declined:{code}" for code in codes.DECLINE)})
        self.names = [
            (quarter, sender, item)
            for quarter in QUARTERS
            for sender in two
            for item in ("referrals", *self.items)
        ]
        self.at = {name: place for place, name in enumerate(self.names)}
        self.rows: list[tuple[dict[int, int], float, float]] = []
        self._whole()
        for name, table in tables.items():
            self._tables(name, table)
        self._rounded_entries()

    def _whole(self) -> None:
        """A referral has one of each of some, and at most one of others."""
        for quarter in QUARTERS:
            for sender in self.two:
                n = self.at[quarter, sender, "referrals"]
                other = self.two[1] if sender == self.two[0] else self.two[0]
                for family in SINGLE:
                    of = self._of(quarter, sender, family)
                    self.rows.append(({**dict.fromkeys(of, 1), n: -1}, 0, 0))
                kind = self.at.get((quarter, sender, f"kind:{KINDS[other]}"))
                if kind is not None:
                    self.rows.append(({kind: 1, n: -1}, 0, 0))
                for family in ("answered", "late"):
                    of = self._of(quarter, sender, family)
                    self.rows.append(({**dict.fromkeys(of, 1), n: -1}, -np.inf, 0))
                for need in self._of(quarter, sender, "need"):
                    self.rows.append(({need: 1, n: -1}, -np.inf, 0))
                declined = self.at.get((quarter, sender, "outcome:declined"))
                of = dict.fromkeys(self._of(quarter, sender, "declined"), 1)
                self.rows.append(({**of, declined: -1} if declined is not None else of, 0, 0))

    def _of(self, quarter: str, sender: str, family: str) -> list[int]:
        return [
            self.at[quarter, sender, item] for item in self.items if item.startswith(f"{family}:")
        ]

    def _tables(self, name: str, table: Mapping[str, Any]) -> None:
        self._band(name, "referrals", table["referrals"])
        self._band(name, "late:answer", table["late"])
        for item in self.items:
            family, code = item.split(":")
            if family != "late":
                self._band(name, item, table["tables"][family].get(code, (0, 0)))
        for agency in table["agencies"]:
            for side in ("sent", "received"):
                self._band(name, "referrals", agency[side], agency["name"], side)

    def _band(self, name: str, item: str, shown: Any, agency: str = "", side: str = "") -> None:
        """What is shown is what is known and what is not, together."""
        if (place := self.items_at(name, item, agency, side)) is None:
            return
        known = sum(
            item in ("referrals", *one.items)
            for one in self.known
            if one.quarter.startswith(name)
            and (not agency or agency == (one.sender if side == "sent" else one.recipient))
        )
        least, most = shown
        self.rows.append((dict.fromkeys(place, 1), least - known, most - known))

    def items_at(self, name: str, item: str, agency: str, side: str) -> list[int] | None:
        senders = [
            one
            for one in self.two
            if not agency or ((agency == one) == (side == "sent") and agency in self.two)
        ]
        found = [
            self.at[quarter, sender, item]
            for quarter in QUARTERS
            if quarter.startswith(name)
            for sender in senders
            if (quarter, sender, item) in self.at
        ]
        return found or None

    def _rounded_entries(self) -> None:
        """The oversight auditor is shown how often each agency sent, blurred: in some way that
        `sec.blurred` may choose."""
        for quarter in QUARTERS:
            for sender in self.two:
                sent = Counter(
                    one.sender for one in (*self.known, *self.hidden) if one.quarter == quarter
                )[sender]
                known = sum(one.sender == sender for one in self.known if one.quarter == quarter)
                least = _blurred(sent, f"{quarter} {sender}")
                row = {self.at[quarter, sender, "referrals"]: 1}
                self.rows.append((row, least - known, least + SPAN - 1 - known))

    def given_away(self) -> Iterator[str]:
        """Each small number of one of the two, in a quarter or the year, that has one value."""
        matrix = lil_array((len(self.rows), len(self.names)))
        for place, (row, _least, _most) in enumerate(self.rows):
            for column, factor in row.items():
                matrix[place, column] = factor
        limits = LinearConstraint(
            matrix.tocsr(), [row[1] for row in self.rows], [row[2] for row in self.rows]
        )
        for name in (*QUARTERS, str(YEAR)):
            for sender in self.two:
                for item in ("referrals", *self.items):
                    true = sum(
                        item in ("referrals", *one.items)
                        for one in self.hidden
                        if one.sender == sender and one.quarter.startswith(name)
                    )
                    if 1 <= true <= 10 and self._range(limits, name, sender, item) == (true, true):
                        yield f"{name} {sender} {item}: {true}"

    def _range(
        self, limits: LinearConstraint, name: str, sender: str, item: str
    ) -> tuple[int, int]:
        goal = np.zeros(len(self.names))
        for quarter in QUARTERS:
            if quarter.startswith(name):
                goal[self.at[quarter, sender, item]] = 1
        ends = []
        for sign in (1, -1):
            found = milp(
                sign * goal,
                constraints=limits,
                integrality=np.ones(len(self.names)),
                bounds=Bounds(0, 400),
            )
            assert found.success, "the truth itself is allowed"
            ends.append(round(sign * found.fun))
        return ends[0], ends[1]


def _blurred(number: int, name: str) -> int:
    lower = number >= 5 and number % 5 < 4 and random.Random(name).random() < 0.5
    return number // 5 * 5 - (5 if lower else 0)
