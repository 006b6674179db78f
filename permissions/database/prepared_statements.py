"""The few most frequent statements: planned once per connection, executed by name.

PostgreSQL takes longer to plan a short statement under row security than to run it. Turn this off
(CAIRN_PREPARE=0) behind a pooler that gives each transaction another connection.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple
from uuid import UUID
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import connections

# All callers use one plan, from the first call on. For an inbox of common size the planner would
# prefer a nested loop; without `material` it chooses a hash join, each time it plans again.
GENERIC_PLAN = "SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_material = off"
_MARK = re.compile(r"%\((\w+)\)s")


class RoundTrip(NamedTuple):
    """Statements for one packet, separated by `; `. The result is the rows of the last one."""

    sql: str
    values: Mapping[str, Any]


class PreparedStatement:
    """`PreparedStatement("by_id", "SELECT … WHERE id = %(id)s")`. The planner does not know the
    values, so use it for look-ups by an index that have the same plan for every caller. Names are
    unique in a process. `for_all`: it reads many rows and must run within a transaction, whose
    other statements are then planned in the same way."""

    known: ClassVar[dict[str, "PreparedStatement"]] = {}
    _held: ClassVar[WeakKeyDictionary[Any, set[str]]] = WeakKeyDictionary()

    def __init__(self, name: str, sql: str, *, for_all: bool = False) -> None:
        self.name, self.sql = name, sql
        assert self.known.setdefault(name, self).sql == sql, name
        marks = list(dict.fromkeys(_MARK.findall(sql)))
        place = {mark: number for number, mark in enumerate(marks, 1)}
        self.plan = f"PREPARE {name} AS " + _MARK.sub(lambda mark: f"${place[mark[1]]}", sql)
        arguments = ", ".join(f"%({mark})s" for mark in marks)
        self.call = f"EXECUTE {name}({arguments})" if marks else f"EXECUTE {name}"
        if for_all:
            self.call = f"{GENERIC_PLAN}; {self.call}"

    def text(self, using: str = "default") -> str:
        """The SQL to send over this connection, with its placeholders. Prepares the statement first
        if this connection has not done so."""
        if not settings.PREPARE_STATEMENTS:
            return self.sql
        connection = connections[using]
        if connection.connection is None:
            connection.ensure_connection()
        held = self._held.get(connection.connection)
        if held is None:
            held = self._held[connection.connection] = set()
        if self.name not in held:
            with connection.cursor() as cursor:
                cursor.execute(self.plan)
            held.add(self.name)
        return self.call


def array_literal(ids: Sequence[UUID | str]) -> str:
    """The ids as a PostgreSQL array literal: one constant, where a list would become one cast per
    id."""
    return "{" + ",".join(map(str, ids)) + "}"
