"""A model from the columns of a statement that is written in SQL."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from django.db import connections
from django.db.models import Model

Row = TypeVar("Row", bound=Model)


class ModelRow(Generic[Row]):
    """`ModelRow(Thing)`: the columns that the ORM would select, and the instance that it would
    return for them."""

    def __init__(self, model: type[Row], using: str = "default") -> None:
        self._model, self._using = model, using
        fields = model._meta.concrete_fields
        self._names = [field.attname for field in fields]
        self._columns = [str(field.column) for field in fields]
        self._converted = [
            (place, field) for place, field in enumerate(fields) if hasattr(field, "from_db_value")
        ]
        self.width = len(fields)

    def columns(self, alias: str) -> str:
        """The columns of the relation `alias`, in the order that `made` takes them."""
        return ", ".join(f'{alias}."{column}"' for column in self._columns)

    def made(self, values: Sequence[Any]) -> Row:
        """The instance with these values of `columns`."""
        values = list(values)
        for place, field in self._converted:
            connection = connections[self._using]
            values[place] = field.from_db_value(values[place], None, connection)
        return self._model.from_db(self._using, self._names, values)

    def found(self, values: Sequence[Any]) -> Row | None:
        """The same of an outer join. None: there is no such row, since its key is NULL."""
        return None if values[0] is None else self.made(values)
