"""What figures are shown as: sections of sentences and tables, each table with its chart. The page,
the paper and the files are made of them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from django.utils.safestring import SafeString


class Row(NamedTuple):
    """A number, or a band in words; `before` is '' where there is nothing to compare with."""

    label: str
    shown: int | str
    before: int | str = ""


class Table(NamedTuple):
    """`chart` shows the same numbers."""

    title: str
    rows: Sequence[Row]
    chart: SafeString


class Section(NamedTuple):
    """`says`: what it means, in sentences. `tables` is empty where there is nothing to show."""

    key: str
    title: str
    says: Sequence[str]
    tables: Sequence[Table]


def lines(found: Iterable[Section], *, compares: bool = True) -> Iterator[tuple[str | int, ...]]:
    """Yield the rows of all tables as the lines of a file, each with its section and table.
    `compares`: with the number of the period before."""
    for section in found:
        for table in section.tables:
            for row in table.rows:
                yield (section.title, table.title, *(row if compares else row[:2]))
