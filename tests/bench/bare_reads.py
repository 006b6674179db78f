"""The limit of one referral's detail and of the feed: what bare.py says holds here."""

import json
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from permissions.database.uuid7 import uuid7
from tests.bench.acts import NOTICE

# What is open to whom, as tests/bench/journey.py wrote it down; and who is a lead.
OPEN_TO = json.loads(Path(os.environ.get("BENCH_ACTS", os.devnull)).read_text() or "{}")
WEEK = timedelta(days=7)

LOOK = (
    "SELECT now(), r.from_agency_id, r.to_agency_id, s.id, s.holder_id, s.subject, l.id"
    " FROM referral r"
    " LEFT JOIN referral_side s ON s.referral_id = r.id AND s.agency_id = %(agency)s"
    " LEFT JOIN LATERAL (SELECT id FROM release WHERE referral_id = r.id"
    "  AND direction = 'outbound' AND NOT ended ORDER BY created_at DESC LIMIT 1) l ON true"
    " WHERE r.id = %(referral)s AND (r.from_agency_id = %(agency)s"
    "  OR (r.to_agency_id = %(agency)s AND r.sent_at IS NOT NULL))"
)
ENTRY = (
    "INSERT INTO access_entry (id, agency_id, member_id, client_id, act, referral_id, referral_ids,"
    " subject, fields, decision, rule, request_id, address_prefix) VALUES (%(entry_id)s,"
    " %(agency)s, %(member)s, %(client)s, %(logged)s, %(referral)s, %(referral_ids)s::uuid[],"
    " %(subject)s, %(logged_fields)s, %(decision)s, %(rule)s, %(request_id)s, '127.0.0.0/24')"
)
OF_REFERRAL = (
    *("id", "reference", "code", "suggested_service_id", "created_at", "sent_at"),
    *("acknowledged_at", "accepted_at", "ack_by", "accept_by", "expires_at"),
)
SHOWN_NOTICE = (*NOTICE, "agreement")
OF_RELEASE = ("id", "basis", "purpose", "fields", "form", "signed_at", "expires_at")
MORE = (
    *("status", "from_agency_id", "to_agency_id", "service_id", "service_name", "release_ended"),
    *("from_asks_ring_at", "to_asks_ring_at", "escalated_at"),
)
SIDE = (
    *("holder_id", "state", "handoff_by", "escalated_at", "hold_until", "remind_at", "called_at"),
)
SHOW = (
    f"SELECT now(), f.name, t.name, {', '.join(f'r.{one}' for one in (*OF_REFERRAL, *MORE))},"
    f" {', '.join(f'r.{one}' for one in SHOWN_NOTICE)}, {', '.join(f's.{one}' for one in SIDE)},"
    " ARRAY(SELECT a.membership_id::text FROM referral_assignment a"
    "  WHERE a.content_object_id = r.id AND a.agency_id = %(agency)s ORDER BY a.id),"
    " (SELECT json_object_agg(id, name) FROM permissions_membership WHERE agency_id = %(agency)s),"
    " (SELECT json_agg(json_build_array(kind, bars_member_id, agency_id = %(agency)s, set_at)"
    "  ORDER BY set_at, id) FROM conflict_block WHERE referral_id = r.id AND lifted_at IS NULL"
    "  AND agency_id = %(agency)s),"
    " (SELECT ARRAY[replaces_id::text] || services::text[] FROM referral_plan"
    "  WHERE referral_id = r.id AND agency_id = %(agency)s),"
    f" l.ended, {', '.join(f'l.{one}' for one in OF_RELEASE)}"
    " FROM referral r JOIN permissions_agency f ON f.id = r.from_agency_id"
    " JOIN permissions_agency t ON t.id = r.to_agency_id"
    " LEFT JOIN referral_side s ON s.referral_id = r.id AND s.agency_id = %(agency)s"
    " LEFT JOIN LATERAL (SELECT * FROM release WHERE referral_id = r.id AND direction = 'outbound'"
    "  AND (%(agency)s = r.from_agency_id OR r.accepted_at IS NOT NULL)"
    "  ORDER BY created_at DESC, id DESC LIMIT 1) l ON true"
    " WHERE r.id = %(referral)s"
)
PURGE = "SELECT max(at) FROM referral_event WHERE referral_id = %(referral)s AND act = 'purge_due'"
OPENINGS = (
    "SELECT e.at FROM referral r JOIN access_entry e ON e.referral_id = r.id"
    " AND e.agency_id = r.to_agency_id AND e.act = 'referral.open_packet'"
    " WHERE r.id = %(referral)s"
)
ENDED = frozenset(
    {"completed", "unable", "declined", "withdrawn", "stopped", "entered_in_error", "cannot_take"}
)


def context_of(
    caller: tuple[str | None, str | None], member: str | None, referral: str | None, logged: str
) -> dict[str, Any]:
    agency, client = caller
    return {
        "agency": agency, "client": client, "member": member, "referral": referral,
        "entry_id": new_id(), "request_id": new_id(), "logged": logged, "referral_ids": None,
        "subject": None, "logged_fields": None, "decision": "allowed", "rule": None,
    }  # fmt: skip


def new_id() -> str:
    return str(uuid7())


# -- One referral ----------------------------------------------------------------------------------


def detail(cursor: Any, context: dict[str, Any]) -> dict[str, Any] | None:
    """None: there is no such referral, and that is logged."""
    cursor.execute(f"BEGIN; {LOOK}", context)
    if cursor.rowcount == 0:
        context |= {"decision": "refused", "rule": "not_found"}
        cursor.execute(f"{ENTRY}; COMMIT", context)
        return None
    context["subject"] = cursor.fetchone()[5]
    cursor.execute(f"{ENTRY}; {SHOW}", context)
    found = as_json(cursor, context)
    cursor.execute("COMMIT")
    return found


def as_json(cursor: Any, context: Mapping[str, Any]) -> dict[str, Any]:
    """The answer from what SHOW found, within its transaction."""
    now, from_name, to_name, *rest = cursor.fetchone()
    groups = []
    for names in (OF_REFERRAL, MORE, SHOWN_NOTICE, SIDE):
        groups.append(dict(zip(names, rest, strict=False)))
        rest = rest[len(names) :]
    shown, more, notice, own = groups
    assigned, names, blocks, plan, ended, *release = rest
    side = "from" if more["from_agency_id"] == context["agency"] else "to"
    me = context["member"]
    status = _status(more["status"], shown, own["state"], side, now)
    works, holds = me in assigned, me is not None and own["holder_id"] == me
    known = side == "from" or shown["accepted_at"] is not None
    answers = works or me in OPEN_TO["leads"]
    asked = more["to_asks_ring_at" if side == "from" else "from_asks_ring_at"]
    if asked and own["called_at"] and own["called_at"] >= asked:
        asked = None
    purge = openings = None
    if status in ENDED:
        cursor.execute(PURGE, context)
        (purge,) = cursor.fetchone()
    if status == "entered_in_error" and side == "from":
        cursor.execute(OPENINGS, context)
        openings = [row[0] for row in cursor.fetchall()]
    release = dict(zip(OF_RELEASE, release, strict=True))
    return {
        **shown,
        "side": side,
        "from_agency": {"id": more["from_agency_id"], "name": from_name},
        "to_agency": {"id": more["to_agency_id"], "name": to_name},
        "service": {"id": more["service_id"], "name": more["service_name"]},
        "status": status,
        "notice": notice,
        "handoff_by": own["handoff_by"] if side == "to" else None,
        "escalated_at": (own["escalated_at"] if side == "to" else None) or more["escalated_at"],
        "asked_to_ring_at": asked,
        "hold_until": own["hold_until"],
        "remind_at": own["remind_at"],
        "holder": _member(own["holder_id"], names),
        "assigned": [_member(one, names) for one in assigned],
        "release": {**release, "in_force": not ended and release["expires_at"] > now}
        if release["id"] and answers
        else None,
        "release_ended": more["release_ended"] and known,
        "purge_at": purge,
        "blocks": [
            {"kind": kind, "member": _member(whom, names), "ours": ours, "set_at": at}
            for kind, whom, ours, at in (blocks if answers and blocks else ())
        ],
        "plan": plan[1:] if plan and works else [],
        "replaces_id": plan[0] if plan and works else None,
        "external_ref": None,
        "openings": None if openings is None else {"people": len(openings), "times": openings},
        "acts": OPEN_TO[f"{me} {side} {status} {works} {holds} {bool(shown['accepted_at'])}"],
    }


def _status(status: str, shown: dict[str, Any], state: str | None, side: str, now: Any) -> str:
    if status in ("sent", "acknowledged") and shown["expires_at"] <= now:
        return "expired"
    if side == "to":
        return state if state and status == "accepted" else status
    if status == "accepted" and now >= shown["accepted_at"] + WEEK:
        return "closed"
    return "cannot_take" if status == "declined" else status


def _member(one: str | None, names: dict[str, str]) -> dict[str, Any] | None:
    return {"id": one, "name": names.get(one)} if one else None


# -- The feed --------------------------------------------------------------------------------------

_BOX = (
    "(SELECT id, at, referral_id, act, agency_id, from_agency_id, code, member_id, about_id, xact"
    " FROM referral_event e WHERE {side}_agency_id = %(agency)s AND {side}_sees AND NOT reserved"
    " AND xact < (SELECT sec.xact_bound()) ORDER BY xact, id LIMIT %(limit)s)"
)
FEED = (
    f"BEGIN; SELECT * FROM ({_BOX.format(side='from')} UNION ALL {_BOX.format(side='to')}) boxes"
    " ORDER BY xact, id LIMIT %(limit)s"
)


def events(cursor: Any, context: dict[str, Any], limit: int) -> dict[str, Any]:
    """The first page of the agency's feed."""
    cursor.execute(FEED, context | {"limit": limit})
    rows = cursor.fetchall()
    context["referral_ids"] = "{" + ",".join(sorted({row[2] for row in rows})) + "}"
    cursor.execute(f"{ENTRY}; COMMIT", context)
    items = []
    for id_, at, referral, act, agency, sender, code, member, about, _xact in rows:
        mine = agency == context["agency"]
        side = "system" if agency is None else "from" if agency == sender else "to"
        items.append(
            {
                "id": id_, "at": at, "referral_id": referral, "act": act, "side": side,
                "code": code, "member_id": member if mine else None,
                "about_id": about if mine else None,
            }
        )  # fmt: skip
    return {"items": items, "next": f"{rows[-1][-1]} {rows[-1][0]}"}
