"""Frequent queries, compiled to SQL once per process.

Django takes several times longer to compile `filter(…).first()` than PostgreSQL to answer it by an
index. Use this only for queries in which nothing but the values varies, and not for what decides
visibility: that stays in `visible_to`, which is evaluated each time.
"""

from collections.abc import Callable
from typing import Generic, TypeVar
from uuid import UUID

from django.db import connections
from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound=Model)


class CachedQuery(Generic[Row]):
    """`CachedQuery(lambda a, b: Thing.objects.filter(a=a, b=b)).first(1, 2)`.

    `build` compares columns with its arguments for equality, in any order, and selects whole rows.
    """

    def __init__(self, build: Callable[..., QuerySet[Row]]) -> None:
        self._build = build
        self._sql = ""

    def first(self, *values: UUID | None) -> Row | None:
        """The first row, or None. A value of None matches nothing, as with `=`. One query."""
        if not self._sql:
            self._compile(len(values))
        with connections[self._alias].cursor() as cursor:
            cursor.execute(self._sql, [values[place] for place in self._places])
            found = cursor.fetchone()
        return None if found is None else self._model.from_db(self._alias, self._names, found)

    def _compile(self, count: int) -> None:
        marks = [UUID(int=number) for number in range(1, count + 1)]
        queryset = self._build(*marks).order_by()[:1]
        sql, params = queryset.query.sql_with_params()
        self._alias, self._model = queryset.db, queryset.model
        self._names = [field.attname for field in self._model._meta.concrete_fields]
        self._places = [marks.index(param) for param in params]  # ValueError: a fixed value
        self._sql = sql
