"""Exact measures: the statements of a request, and the plan and buffers of a query with row-level
security compared with the same query without it. The benchmark and
tests/database/test_query_plans.py use them."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connections

from permissions.database import db_identity
from permissions.database.prepared_statements import GENERIC_PLAN, PreparedStatement
from permissions.principal import Principal

TABLE = re.compile(r'\b(?:FROM|INTO|UPDATE)\s+"?([a-z_.]+)"?')
FUNCTION = re.compile(r"\b(sec\.[a-z_]+|pg_[a-z_]+)\(")


@dataclass(frozen=True)
class Statement:
    sql: str
    params: Any

    @property
    def query(self) -> str:
        """The last of the packet, written out: what goes before it is no query."""
        return self.once.sql if self.once else self.last

    @property
    def last(self) -> str:
        """The last of the packet, as it was sent."""
        return self.sql.rpartition("; ")[2]

    @property
    def once(self) -> PreparedStatement | None:
        """What was planned once a connection, if that was."""
        return (
            PreparedStatement.known[_name(self.last)] if self.last.startswith("EXECUTE ") else None
        )

    @property
    def name(self) -> str:
        """In a few words: `identity + SELECT referral`; a prepared one by its own name."""
        named = self.sql.replace(db_identity.IDENTIFY_BY_NAME, "identity")
        named = named.replace(db_identity.IDENTIFY, "identity")
        named = named.replace(f"{GENERIC_PLAN}; ", "")
        parts = named.split("; ")
        return " + ".join(_name(part) for part in parts)


def _name(sql: str) -> str:
    if sql.startswith("EXECUTE "):
        return sql.split()[1].partition("(")[0]
    if found := TABLE.search(sql):
        verb = "SELECT" if sql.startswith("WITH") else sql.split(maxsplit=1)[0]
        return f"{verb} {found[1]}"
    found = FUNCTION.search(sql)
    return found[1] if found else sql.split(maxsplit=1)[0]


@contextmanager
def statements() -> Iterator[list[Statement]]:
    """Every statement that Django sends meanwhile, over any alias; not BEGIN and COMMIT."""
    seen: list[Statement] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append(Statement(sql, params))
        return execute(sql, params, many, context)

    with ExitStack() as stack:
        for alias in connections:
            stack.enter_context(connections[alias].execute_wrapper(note))
        yield seen


@dataclass(frozen=True)
class Plan:
    """One execution: pages touched, and the tree of its nodes."""

    buffers: int
    root: dict[str, Any]

    @property
    def shape(self) -> str:
        """Nodes with their indexes, without what row-level security asks once before them. Which
        input of a hash join is the hashed one is left out: both are read once and whole, and a row
        more or less in an estimate turns it over."""
        return _shape(self.root)

    @property
    def scans(self) -> list[tuple[str, str, str]]:
        """(kind, table, index) of every scan, in order."""
        return [
            (node["Node Type"], node["Relation Name"], node.get("Index Name", ""))
            for node in _nodes(self.root)
            if "Relation Name" in node
        ]


def explain(cursor: Any, statement: Statement, times: int = 3, *, written_out: bool = True) -> Plan:
    """The warm plan: of `times` executions the one with the fewest pages. `written_out`: as the
    planner sees it with these values, not as it was planned once a connection."""
    sql = statement.query if written_out else statement.sql
    plans = []
    wait_long(cursor)
    for _ in range(times):
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", statement.params)
        said = cursor.fetchone()[0]
        root = (json.loads(said) if isinstance(said, str) else said)[0]["Plan"]
        plans.append(Plan(root["Shared Hit Blocks"] + root["Shared Read Blocks"], root))
    return min(plans, key=lambda plan: plan.buffers)


def wait_long(cursor: Any) -> None:
    """Let the rest of the transaction take a minute a statement: what is counted is pages, and a
    busy machine may take longer for a cold one than the five seconds of a request."""
    cursor.execute("SET LOCAL statement_timeout = '60s'")


def explain_both(
    superuser: Any, principal: Principal, statement: Statement, *, written_out: bool = True
) -> tuple[Plan, Plan]:
    """The plan as `app` under `principal`'s identity, and as a role that no policy concerns; under
    the same, since a statement may itself ask who calls."""
    with db_identity.identified_transaction(principal), connections["default"].cursor() as cursor:
        ours = _explained(cursor, statement, written_out)
    identity = [principal.token_hash, principal.acting]
    cursor = superuser.cursor()
    cursor.execute(f"BEGIN; {db_identity.IDENTIFY}", identity)
    try:
        if statement.once and not written_out:
            cursor.execute(statement.once.plan)
        return ours, _explained(cursor, statement, written_out)
    finally:
        cursor.execute("ROLLBACK; DEALLOCATE ALL")


def _explained(cursor: Any, statement: Statement, written_out: bool) -> Plan:
    if written_out or statement.once is None:
        return explain(cursor, statement)
    before = statement.once.call.rpartition("; ")[0]
    if before:
        cursor.execute(before)
    return explain(cursor, Statement(statement.last, statement.params), written_out=False)


def _children(node: dict[str, Any]) -> list[dict[str, Any]]:
    """Its inputs and its CTEs, but not subplans that run once, as those of policies do."""
    return [
        one
        for one in node.get("Plans", [])
        if one["Parent Relationship"] not in ("InitPlan", "SubPlan")
        or one["Subplan Name"].startswith("CTE ")
    ]


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in _children(node):
        yield from _nodes(child)


def _shape(node: dict[str, Any]) -> str:
    name = node["Node Type"]
    children = [_shape(child) for child in _children(node)]
    if (name == "Result" and children) or name == "Hash":  # a policy's question, asked once before
        return children[0]
    if "Relation Name" in node:
        name += f" {node.get('Index Name') or node['Relation Name']}"
    inner = ", ".join(sorted(children) if name == "Hash Join" else children)
    return f"{name}({inner})" if inner else name
