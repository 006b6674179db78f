"""How one entry of the journal changes its row: only ever to less."""

from typing import Any

import orjson
from django.db import IntegrityError, transaction

from permissions.database.aliases import OWNER
from permissions.recovery.closing_columns import CLOSES, Closes
from permissions.recovery.journal import Entry

# sense → what the column becomes, and when there is something to do. `t` is the row, `v` what the
# entry says, {c} the column.
_SENSES = {
    "off": ("false", "t.{c}"),
    "on": ("true", "t.{c} IS NOT TRUE"),
    "set": ("v.{c}", "t.{c} IS NULL"),
    "away": ("NULL", "t.{c} IS NOT NULL"),
    "earlier": ("least(t.{c}, v.{c})", "(t.{c} IS NULL OR t.{c} > v.{c})"),
    "lower": ("least(t.{c}, v.{c})", "(t.{c} IS NULL OR t.{c} > v.{c})"),
    "fewer": (
        "CASE WHEN t.{c} IS NULL THEN v.{c} ELSE ARRAY(SELECT one FROM unnest(t.{c})"
        " WITH ORDINALITY AS listed (one, number) WHERE one = ANY (v.{c}) ORDER BY number) END",
        "(t.{c} IS NULL OR NOT t.{c} <@ v.{c})",
    ),
    "moved": ("NULL", "t.{c} = v.{c}"),
    "into": ("v.{c}", "t.{c} IS DISTINCT FROM v.{c} AND NOT t.{c} = ANY ({words})"),
}
_UNDONE = frozenset({"other", "raised"})  # hooks see to them, or no one can


def apply_row(cursor: Any, entry: Entry) -> None:
    """Change the entry's row, if it is there, and if it allows more than the entry says. A row that
    the entry adds is added where what it points at is there. An entry of a table or column that is
    none any more changes nothing. Raises django.db.Error."""
    spec = CLOSES.get(entry.kind)
    if spec is None:
        return
    if entry.data.get("gone"):
        cursor.execute(
            f"DELETE FROM public.{spec.table} t WHERE t.{spec.key}::text = %s",  # noqa: S608 (ours)
            [entry.data["row"]],
        )
    if "added" in entry.data:
        _add(cursor, spec, entry)
    columns = {
        name: value for name, value in entry.data.get("columns", {}).items() if name in spec.columns
    }
    if columns:
        _narrow(cursor, spec, entry, columns)


def _narrow(cursor: Any, spec: Closes, entry: Entry, columns: dict[str, Any]) -> None:
    """Each column by itself: what is closed already stays as it is."""
    conditions: dict[str, str] = {}
    sets, given, values = [], {}, {}
    beside = entry.data.get("beside", {})
    for name, value in columns.items():
        sense, *words = spec.columns[name].split(" ")
        if sense in _UNDONE:
            continue
        if sense == "keys":
            becomes, when = f"sec.keys_among(t.{name}, %({name})s::jsonb)", "true"
            values[name] = orjson.dumps(value).decode()
        else:
            becomes, when = (one.replace("{c}", name) for one in _SENSES[sense])
            listed = ", ".join(f"'{word.removeprefix('!')}'" for word in words)
            when = when.replace("{words}", f"ARRAY[{listed}]::text[]")
            if sense != "away":
                given[name] = value
        conditions[name] = when
        sets.append(f"{name} = CASE WHEN {when} THEN {becomes} ELSE t.{name} END")
        for other in spec.beside.get(name, ()):
            if other not in columns and other in beside:
                given[other] = beside[other]
                sets.append(f"{other} = CASE WHEN {when} THEN v.{other} ELSE t.{other} END")
    if sets:
        cursor.execute(
            f"UPDATE public.{spec.table} t SET {', '.join(sets)}"  # noqa: S608 (names of ours)
            f" FROM jsonb_populate_record(NULL::public.{spec.table}, %(given)s::jsonb) v"
            f" WHERE t.{spec.key}::text = %(row)s AND ({' OR '.join(conditions.values())})",
            {"given": orjson.dumps(given).decode(), "row": entry.data["row"], **values},
        )


def _add(cursor: Any, spec: Closes, entry: Entry) -> None:
    names = ", ".join(name for name in spec.added if name in entry.data["added"])
    try:
        with transaction.atomic(using=OWNER):
            cursor.execute(
                f"INSERT INTO public.{spec.table} ({names}) SELECT {names}"  # noqa: S608 (ours)
                f" FROM jsonb_populate_record(NULL::public.{spec.table}, %s::jsonb)"
                " ON CONFLICT DO NOTHING",
                [orjson.dumps(entry.data["added"]).decode()],
            )
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except IntegrityError:
        return  # what it belongs to was made after the backup, and is lost with it
