"""All rows of a moment, as the superuser sees them and as the model reads them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args, get_type_hints
from uuid import UUID

from permissions.reference import rows as r
from permissions.reference import world as w

Json = dict[str, Any]


def _converter(hint: Any) -> Callable[[Any], Any] | None:
    kinds = [kind for kind in (get_args(hint) or (hint,)) if kind is not type(None)]
    by_kind: dict[Any, Callable[[Any], Any]] = {
        UUID: UUID,
        datetime: datetime.fromisoformat,
        tuple[UUID, ...]: lambda ids: tuple(map(UUID, ids)),
    }
    return by_kind.get(kinds[0])


_SHAPES: dict[type, tuple[list[tuple[str, Callable[[Any], Any] | None]], Any]] = {}


def typed(kind: Any, row: Json) -> Any:
    """A row as to_jsonb() gives it, as the model's own kind."""
    if kind not in _SHAPES:
        hints = get_type_hints(kind)
        _SHAPES[kind] = ([(name, _converter(hints[name])) for name in kind._fields], kind._make)
    shape, make = _SHAPES[kind]
    return make(
        convert(value) if convert and (value := row.get(name)) is not None else row.get(name)
        for name, convert in shape
    )


@dataclass
class Snapshot:
    """All rows of a moment, as the superuser sees them: as JSON, and as the model reads them."""

    now: datetime
    world: w.World
    json: dict[str, dict[str, Json]]
    rows: dict[str, dict[str, r.Row]]


def snapshot(found: dict[str, list[Json]], now: datetime) -> Snapshot:
    json_rows = {
        table: {str(row[key_of(table)]): row for row in rows}
        for table, rows in found.items()
        if table in r.TABLES
    }
    rows = {
        table: {key: typed(r.TABLES[table], row) for key, row in some.items()}
        for table, some in json_rows.items()
    }

    def by_id(kind: Any, table: str) -> dict[Any, Any]:
        return {(one := typed(kind, row)).id: one for row in found[table]}

    held = [typed(w.Credential, row | {"hash": row["hash"][2:]}) for row in found["credential"]]
    return Snapshot(
        now,
        w.World(
            agencies=by_id(w.Agency, "permissions_agency"),
            people=by_id(w.Person, "permissions_person"),
            members=by_id(r.Membership, "permissions_membership"),
            clients=by_id(w.Client, "permissions_client"),
            credentials={one.hash: one for one in held},
            referrals={one.id: one for one in rows["referral"].values()},
            sides=list(rows["referral_side"].values()),
            assignments=list(rows["referral_assignment"].values()),
            blocks=list(rows["conflict_block"].values()),
            releases={one.id: one for one in rows["release"].values()},
            grants=list(rows["packet_grant"].values()),
            webhooks={one.id: one for one in rows["webhook_endpoint"].values()},
            opt_ins=list(rows["log_opt_in"].values()),
        ),
        json_rows,
        rows,
    )


def key_of(table: str) -> str:
    return "seq" if table in ("directory_change", "log_checkpoint") else "id"
