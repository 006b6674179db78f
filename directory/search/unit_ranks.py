"""The SQL that orders matches by how many units of a question they have, the rare ones first.

A unit that few of the matches have says more than one that most have, as the inverse document
frequency of text search does; one in a name counts twice.
"""

from collections.abc import Sequence

_UNIT = "(SELECT units[{number}] FROM spelt)"
_WRITTEN = "(SELECT written FROM spelt)"
# How much of the words as written is there, where the units say the same of both.
_ALIKE = f"2 * ts_rank(p.named, {_WRITTEN}) + ts_rank(p.search, {_WRITTEN}) AS alike"


def columns(units: int) -> str:
    """Columns m1 … of a row `p`, one a unit: 2 if its names have the unit, 1 if another text has
    it, else 0; and `alike`. None without units."""
    if not units:
        return ""
    each = []
    for number in range(1, units + 1):
        unit = _UNIT.format(number=number)
        each.append(
            f", CASE WHEN p.named @@ {unit} THEN 2 WHEN p.search @@ {unit} THEN 1 ELSE 0 END"
            f" AS m{number}"
        )
    return f"{''.join(each)}, {_ALIKE}"


def frequencies(units: int) -> str:
    """The SELECT list for how many rows there are, and how many have each unit."""
    counted = (f", count(*) FILTER (WHERE m{one} > 0) AS d{one}" for one in range(1, units + 1))
    return f"count(*) AS rows{''.join(counted)}"


def order(weights: Sequence[float]) -> str:
    """The ORDER BY over such columns, given how much each unit counts: rows with every unit
    first."""
    numbers = range(1, len(weights) + 1)
    most = " + ".join(f"(m{one} > 0)::int" for one in numbers)
    # Of what the query left out there are none.
    every = f"({most}) = (SELECT cardinality(units) FROM spelt)"
    score = " + ".join(
        f"{weight} * m{one} * ln((rows + 1.5) / (d{one} + 0.5))"
        for one, weight in zip(numbers, weights, strict=True)
    )
    return f"{every} DESC, {score} DESC, alike DESC"
