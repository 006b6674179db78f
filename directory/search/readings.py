"""The ways to read what a person asked, one tried after another (docs/adr/0126, 0129)."""

from typing import NamedTuple

from directory.search.question import MOST_UNITS, Question


class Reading(NamedTuple):
    """One way to read a question. `query`: the SQL of its tsquery (functions/search.sql). `parts`:
    what it is made of, units or single_words of Question; '' for the words as written."""

    query: str
    parts: str = ""
    missing: int = 0  # how many units of the question an entry may lack


def _of_parts(parts: str, missing: int) -> Reading:
    query = f"directory_query_without(directory_units(%({parts})s::text[]), {missing})"
    return Reading(query, parts, missing)


# All the words; all that is meant by them, or by words of entries most like them; the same with the
# fewest missing; any word, whatever it was to mean.
AS_WRITTEN = Reading("directory_query(%(words)s)")
MEANT, *FEWER = (_of_parts("units", missing) for missing in (0, 1, 2, MOST_UNITS))
ANY_WORD = _of_parts("single_words", MOST_UNITS)
ENOUGH = 10  # matches of what is known: with fewer, the next reading is tried, which has them too


def readings(question: Question) -> tuple[Reading, ...]:
    """The ways to read what is asked, in the order in which they are tried."""
    if not question.text:
        return (AS_WRITTEN,)
    fewer = FEWER[: len(question.units) - 1]
    return (MEANT, *fewer, ANY_WORD) if question.is_known else (AS_WRITTEN, MEANT, *fewer)
