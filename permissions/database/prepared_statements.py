"""The few statements that are asked all the time: planned once a connection, sent by name.

To plan a short statement under row security takes PostgreSQL longer than to run it. Off
(CAIRN_PREPARE=0) behind a pooler that gives each transaction another connection.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple
from uuid import UUID
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import connections

# One plan for all callers, from the first call on. It is made for a box of common size, which the
# planner would rather join in a loop: so it is left a join by a hash, whenever it plans anew.
GENERIC_PLAN = "SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_material = off"
_MARK = re.compile(r"%\((\w+)\)s")


class RoundTrip(NamedTuple):
    """Statements for one packet, parted by `; `. The rows of the last one are the answer."""

    sql: str
    values: Mapping[str, Any]


class PreparedStatement:
    """`PreparedStatement("by_id", "SELECT … WHERE id = %(id)s")`. The planner learns nothing of a
    value: for look-ups by an index, whoever asks. Names are unique in a process. `for_all`: it
    reads more than a row; within a transaction, whose other statements are planned so, too."""

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
        """What to send over this connection now, with its marks; plans it if that was not done."""
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


@dataclass(slots=True)
class RoundTripQuery:
    """A question that goes along with another, in its packet. `row`: its answer, once there."""

    statement: PreparedStatement
    values: Mapping[str, Any]
    row: tuple[Any, ...] | None = None


def array_literal(ids: Sequence[UUID | str]) -> str:
    """As PostgreSQL writes it: one constant, where a list becomes as many casts as it has ids."""
    return "{" + ",".join(map(str, ids)) + "}"
