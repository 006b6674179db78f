"""Finds the row that a command's caller names by its id or by a unique name."""

from typing import TypeVar
from uuid import UUID

from django.core.management.base import CommandError
from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound=Model)


def one_of(rows: "QuerySet[Row, Row]", asked: str, what: str) -> Row:
    """The only row with this id or name. Raises CommandError if there is none or several."""
    try:
        found = rows.filter(id=UUID(asked))
    except ValueError:
        found = rows.filter(name=asked)
    if len(found) != 1:
        there = "no" if not found else "more than one"
        raise CommandError(f"There is {there} {what} {asked!r}. Name it by its id.")
    return found[0]
