"""The limit of acts: what bare.py says holds here. Two packets an act, three with a note."""

import json
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from psycopg2.errors import UniqueViolation
from psycopg2.extras import Json, execute_values

from tests.bench import sealing
from tests.bench.acts import ACTS, NOTICE, Act, written
from tests.bench.bare_reads import ENTRY, LOOK, SHOW, as_json, new_id

LOCKED = f"BEGIN; SELECT FROM referral WHERE id = %(referral)s FOR UPDATE; {LOOK}"
EVENT = (
    "INSERT INTO referral_event (id, referral_id, from_agency_id, to_agency_id, at, act, agency_id,"
    " member_id, about_id, code, reserved, from_sees, to_sees)"
    " SELECT %(event_id)s, id, from_agency_id, to_agency_id, %(now)s, %(act)s, %(agency)s,"
    " %(member)s, %(about)s, %(code_shown)s, %(reserved)s, %(both)s OR from_agency_id = %(agency)s,"
    " (%(both)s AND sent_at IS NOT NULL) OR to_agency_id = %(agency)s"
    " FROM referral WHERE id = %(referral)s"
)
ASSIGN = (
    "INSERT INTO referral_assignment (id, permission_id, user_id, content_object_id,"
    " membership_id, agency_id) SELECT %(assignment_id)s, p.id, m.person_id, %(referral)s, m.id,"
    " m.agency_id FROM auth_permission p, permissions_membership m"
    " WHERE p.codename = 'work_on_referral' AND m.id = %(assigned)s ON CONFLICT DO NOTHING"
)
HOLD = (
    "DELETE FROM referral_assignment WHERE content_object_id = %(referral)s"
    " AND membership_id = %(holder)s AND membership_id <> %(assigned)s;"
    " INSERT INTO referral_side (id, referral_id, agency_id, holder_id, subject, version)"
    " VALUES (%(side_id)s, %(referral)s, %(agency)s, %(assigned)s, %(subject)s, 1)"
    " ON CONFLICT (agency_id, referral_id)"
    " DO UPDATE SET holder_id = %(assigned)s, version = referral_side.version + 1"
)
TALLY = (
    "INSERT INTO agreement_tally (id, agency_id, month, offered, declined)"
    " VALUES (%(event_id)s, %(agency)s, date_trunc('month', now()), 1, 0)"
    " ON CONFLICT (agency_id, month) DO UPDATE SET offered = agreement_tally.offered + 1"
)
CLOSE = (
    "UPDATE packet_grant SET closed = true, kek_version = NULL, key_bundle = NULL"
    " WHERE referral_id = %(referral)s AND release_id IS NOT NULL"
)


CASTS = {"services": "::uuid[]"}  # a list is text


def _statements(name: str, act: Act) -> str:
    """What the act sends in its second packet, with a name for each value."""
    parts = []
    if act.assigns or act.holder:
        parts.append(ASSIGN)
    if act.holder:
        parts.append(HOLD)
    if act.referral or act.packs or name.endswith("_release"):
        parts.append(_update("referral", act.referral, "id = %(referral)s"))
    if act.own:
        mine = "referral_id = %(referral)s AND agency_id = %(agency)s"
        parts.append(_update("referral_side", act.own, mine))
    for table, (where, values) in act.ends.items():
        which = " AND ".join(f"{one} = %(where_{table}_{one})s" for one in where)
        sets = ", ".join(f"{one} = %({table}_{one})s" for one in values)
        parts.append(f"UPDATE {table} SET {sets} WHERE {which} AND referral_id = %(referral)s")
    for table, values in act.adds.items():
        names = ", ".join(("id", *values))
        given = ", ".join(f"%({table}_{one})s{CASTS.get(one, '')}" for one in ("id", *values))
        parts.append(f"INSERT INTO {table} ({names}) VALUES ({given})")
    if act.closes:
        parts.append(CLOSE)
    if name == "send":
        parts.append(TALLY)
    return "; ".join((*parts, EVENT, ENTRY))


def _update(table: str, values: Mapping[str, Any], where: str) -> str:
    sets = "".join(f", {one} = %({table}_{one})s" for one in values)
    return f"UPDATE {table} SET version = version + 1{sets} WHERE {where}"


STATEMENTS = {name: _statements(name, act) for name, act in ACTS.items()}


def do(cursor: Any, context: dict[str, Any], name: str, body: dict[str, Any]) -> dict[str, Any]:
    """One act: a look behind the lock; what changes, with its event and entry; the answer."""
    act = ACTS[name]
    cursor.execute(LOCKED, context)
    context |= (NOTICE if name == "put_notice" else {}) | body
    _looked(context, cursor.fetchone())
    if act.note:
        _seal(cursor, context, act.note, body)
    if act.packs:
        _pack(cursor, context, body["packet"])
    values = _values(context, name, act)
    if act.record:
        cursor.execute(f"{STATEMENTS[name]}; COMMIT", values)
        return {"id": context["note_id"]}
    cursor.execute(f"{STATEMENTS[name]}; {SHOW}", values)
    found = as_json(cursor, context)
    cursor.execute("COMMIT")
    return found


def _looked(context: dict[str, Any], row: tuple[Any, ...]) -> None:
    names = ("now", "from_agency", "to_agency", "side_id", "holder", "subject", "release")
    context |= dict(zip(names, row, strict=True))
    context["subject"] = context["subject"] or new_id()
    context["side_id"] = context["side_id"] or new_id()


def _values(context: dict[str, Any], name: str, act: Act) -> dict[str, Any]:
    now = context["now"]
    context |= {
        "soon": now + timedelta(hours=1), "later": now + timedelta(days=1), "act": name,
        "logged": f"referral.{name}", "event_id": new_id(), "assignment_id": new_id(),
        "release_id": new_id(), "both": act.both, "reserved": act.reserved,
    }  # fmt: skip
    if name == "take_over":
        context |= {"logged": "referral.self_assign", "rule": context["reason"]}
    if name in ("put_release", "narrow_release"):
        context["logged_fields"] = context["fields"]
    assigned = act.assigns or act.holder
    values = context | {
        "assigned": context[assigned] if assigned else None,
        "code_shown": context[act.code] if act.code else None,
        "about": context[act.about] if act.about else None,
    }
    changes = {"referral": act.referral, "referral_side": act.own, **act.adds}
    for table, columns in changes.items():
        values[f"{table}_id"] = context["release_id"] if table == "release" else new_id()
        for column, value in written(columns, context).items():
            values[f"{table}_{column}"] = Json(value) if column == "consenters" else value
    for table, (where, columns) in act.ends.items():
        values |= {f"{table}_{one}": value for one, value in written(columns, context).items()}
        values |= {f"where_{table}_{one}": it for one, it in written(where, context).items()}
    return values


def _seal(cursor: Any, context: dict[str, Any], kind: str, content: dict[str, Any]) -> None:
    """The body among the agency's notes, under its key for this referral."""
    cursor.execute(
        "SELECT kek_version, key_bundle FROM private_key"
        " WHERE referral_id = %(referral)s AND agency_id = %(agency)s",
        context,
    )
    agency, bound = context["agency"], f"notes:{context['referral']}:{context['agency']}"
    if found := cursor.fetchone():
        key = bytes.fromhex(sealing.unwrap(agency, *found, bound)["notes"][1])
    else:
        key = secrets.token_bytes(32)
        version, bundle = sealing.wrap(agency, {"notes": ["", key.hex()]}, bound)
        cursor.execute(
            "INSERT INTO private_key (id, referral_id, agency_id, kek_version, key_bundle)"
            " VALUES (%s, %s, %s, %s, %s)",
            (new_id(), context["referral"], agency, version, bundle),
        )
    context["note_id"] = new_id()
    sealed = sealing.seal(key, json.dumps(content).encode(), f"note:{context['note_id']}:{kind}")
    cursor.execute(
        "INSERT INTO note (id, referral_id, agency_id, member_id, kind, created_at, ciphertext)"
        " VALUES (%(note_id)s, %(referral)s, %(agency)s, %(member)s, %(kind)s, %(now)s, %(it)s)",
        context | {"kind": kind, "it": sealed},
    )


def _pack(cursor: Any, context: dict[str, Any], fields: dict[str, str]) -> None:
    """Each field under a key of its own, and these in the agency's bundle."""
    agency, referral = context["agency"], context["referral"]
    bound, mine = f"packet:{referral}:{agency}", {"referral": referral, "agency": agency}
    cursor.execute(
        "SELECT g.kek_version, g.key_bundle, r.version FROM referral r LEFT JOIN packet_grant g"
        " ON g.referral_id = r.id AND g.agency_id = %(agency)s WHERE r.id = %(referral)s",
        mine,
    )
    kek, bundle, version = cursor.fetchone()
    keys = sealing.unwrap(agency, kek, bundle, bound) if bundle else {}
    rows = []
    for name, text in fields.items():
        row, key = new_id(), secrets.token_bytes(32)
        keys[name] = [row, key.hex()]
        sealed = sealing.seal(key, text.encode(), f"packet_field:{row}:{name}")
        rows.append((row, referral, agency, name, version, sealed))
    execute_values(
        cursor,
        "INSERT INTO packet_field (id, referral_id, from_agency_id, field, version, ciphertext)"
        " VALUES %s",
        rows,
    )
    kek, bundle = sealing.wrap(agency, keys, bound)
    cursor.execute(
        "INSERT INTO packet_grant (id, referral_id, agency_id, fields, closed, kek_version,"
        " key_bundle) VALUES (%(id)s, %(referral)s, %(agency)s, %(fields)s, false, %(kek)s,"
        " %(bundle)s) ON CONFLICT (agency_id, referral_id) DO UPDATE SET fields = %(fields)s,"
        " kek_version = %(kek)s, key_bundle = %(bundle)s",
        mine | {"id": new_id(), "fields": sorted(keys), "kek": kek, "bundle": bundle},
    )
    context["logged_fields"] = sorted(fields)


def create(cursor: Any, context: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """A draft; with `send`, sent in the same transaction. Where its letters are those of another
    one of the day, it is tried with others, as ours does."""
    while True:
        try:
            return _create(cursor, dict(context), dict(body))
        except UniqueViolation:
            cursor.execute("ROLLBACK")


def _create(cursor: Any, context: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    send = body.pop("send", None)
    cursor.execute(
        "BEGIN; SELECT now(), answered_by, name FROM directory_listing WHERE id = %s",
        [body["service_id"]],
    )
    now, to, name = cursor.fetchone()
    context |= NOTICE | body
    context["referral"] = new_id()
    _looked(context, (now, context["agency"], to, None, None, None, None))
    letters = "BCDFGHJKLMNPQRSTVWXZ"
    context |= {
        "service_name": name,
        "reference": "".join(secrets.choice(letters) for _ in range(6)),
        "day": now.date(),
    }
    values = _values(context, "create", Act()) | {"assigned": context["member"]}
    columns = ", ".join(NOTICE)
    given = ", ".join(f"%({one})s" for one in NOTICE)
    cursor.execute(
        "INSERT INTO referral (id, from_agency_id, to_agency_id, service_id, service_name,"
        " reference, reference_day, status, version, created_at, release_ended, from_purged,"
        f" to_purged, has_block, {columns}) VALUES (%(referral)s, %(agency)s, %(to_agency)s,"
        " %(service_id)s, %(service_name)s, %(reference)s, %(day)s, 'draft', 1, %(now)s, false,"
        f" false, false, false, {given}); {ASSIGN}; {HOLD}; {EVENT}; {ENTRY}"
        + ("" if send else f"; {SHOW}"),
        values,
    )
    if send:
        context |= send | {"entry_id": new_id()}
        cursor.execute(f"{STATEMENTS['send']}; {SHOW}", _values(context, "send", ACTS["send"]))
    found = as_json(cursor, context)
    cursor.execute("COMMIT")
    return found
