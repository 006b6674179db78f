"""The limit: the same answers by a WSGI function, psycopg2 and orjson, and nothing else.

It looks its token up, filters explicitly, writes the same access entry and commits; it checks the
assignment and the grant, and unseals. It does without row-level security (it connects as the
superuser), the key store, refusals with reasons, log lines, safety headers: all that a product
adds. Three or four packets a request; the SQL is sent as it stands, not prepared.
"""

import os
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl

import orjson
import psycopg2

from permissions.database.uuid7 import uuid7
from referrals.codes import REDISCLOSURE_NOTICE
from tests.bench import bare_acts, bare_directory, bare_reads, bare_token, sealing

DSN = os.environ.get("BENCH_DSN", "")

TOKEN = (
    "SELECT agency_id, client_id FROM credential"
    " WHERE hash = decode(%s, 'hex') AND ended_at IS NULL AND expires_at > now()"
)
INBOX = (
    "BEGIN; WITH page AS MATERIALIZED ("
    "  SELECT id, reference, from_agency_id, to_agency_id, service_id, service_name, status,"
    "   urgency, needs, wanted, created_at, sent_at, ack_by, accept_by, expires_at,"
    "   from_asks_ring_at"
    "  FROM referral WHERE to_agency_id = %(agency)s AND sent_at IS NOT NULL"
    "  ORDER BY created_at DESC, id DESC LIMIT %(limit)s)"
    " SELECT r.id, r.reference, r.from_agency_id, f.name, r.to_agency_id, t.name,"
    "  r.service_id, r.service_name, r.status, r.urgency, r.needs, r.wanted, r.created_at,"
    "  r.sent_at, r.ack_by, r.accept_by, r.expires_at, s.state, s.handoff_by, s.holder_id,"
    "  r.from_asks_ring_at"
    " FROM page r"
    " JOIN permissions_agency f ON f.id = r.from_agency_id"
    " JOIN permissions_agency t ON t.id = r.to_agency_id"
    " LEFT JOIN referral_side s ON s.agency_id = %(agency)s AND s.referral_id = r.id"
    "  AND s.referral_id = ANY (ARRAY(SELECT id FROM page))"
    " ORDER BY r.created_at DESC, r.id DESC"
)
ENTRY = (
    "INSERT INTO access_entry (id, agency_id, member_id, client_id, act, purpose, referral_id,"
    " referral_ids, fields, release_id, decision, request_id, address_prefix)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s::uuid[], %s, %s, 'allowed', %s, '127.0.0.0/24')"
)
GRANT = (
    "BEGIN; SELECT g.fields, g.release_id, g.expires_at, g.kek_version, g.key_bundle,"
    "  NULLIF(l.redisclosure_notice, 'none')"
    " FROM referral r"
    " JOIN referral_assignment s ON s.content_object_id = r.id AND s.membership_id = %(member)s"
    " JOIN packet_grant g ON g.referral_id = r.id AND g.agency_id = %(agency)s"
    " JOIN release l ON l.id = g.release_id AND NOT l.ended AND l.expires_at > now()"
    " WHERE r.id = %(referral)s AND r.to_agency_id = %(agency)s AND r.sent_at IS NOT NULL"
    " AND g.opened_at IS NOT NULL AND NOT g.closed AND g.expires_at > now()"
)
FIELDS = (
    "; SELECT id, field, ciphertext FROM packet_field"
    " WHERE referral_id = %s AND id = ANY (%s::uuid[])"
)

_here = threading.local()


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    try:
        connection = _here.connection
    except AttributeError:
        connection = _here.connection = psycopg2.connect(DSN)
        connection.autocommit = True
    with connection.cursor() as cursor:
        if environ["PATH_INFO"].startswith("/v1/directory/"):
            return directory(cursor, environ, start_response)
        if environ["PATH_INFO"] == "/oauth/token":
            form = dict(parse_qsl(environ["wsgi.input"].read().decode()))
            return send(orjson.dumps(bare_token.token(cursor, form)), start_response)
        secret = environ["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
        cursor.execute(TOKEN, (sha256(secret.encode()).hexdigest(),))
        caller = cursor.fetchone()
        if caller is None:
            unknown = bare_reads.context_of((None, None), None, None, "api.authenticate")
            unknown |= {"decision": "refused", "rule": "not_authenticated"}
            cursor.execute(bare_reads.ENTRY, unknown)
            start_response("401 Unauthorized", [("Content-Length", "0")])
            return [b""]
        status, answer = _of_referrals(cursor, caller, environ)
    return send(orjson.dumps(answer, option=orjson.OPT_UTC_Z), start_response, status)


def _of_referrals(
    cursor: Any, caller: tuple[str, str], environ: dict[str, Any]
) -> tuple[str, dict[str, Any] | None]:
    """The status, and the answer: an act, or a read."""
    parts = environ["PATH_INFO"].split("/")[2:]  # v1
    member = environ.get("HTTP_ACTING_MEMBER")
    if environ["REQUEST_METHOD"] == "GET":
        if parts == ["referrals"]:
            limit = 100 if "limit=100" in environ["QUERY_STRING"] else 50
            return "200 OK", inbox(cursor, *caller, limit)
        if parts == ["events"]:
            context = bare_reads.context_of(caller, member, None, "event.list")
            return "200 OK", bare_reads.events(cursor, context, 100)
        context = bare_reads.context_of(caller, member, parts[1], "referral.read")
        found = bare_reads.detail(cursor, context)
        return ("200 OK", found) if found else ("404 Not Found", {"code": "not_found"})
    body = orjson.loads(environ["wsgi.input"].read())
    if parts == ["referrals"]:
        context = bare_reads.context_of(caller, member, None, "referral.create")
        return "201 Created", bare_acts.create(cursor, context, body)
    _, referral, act = parts
    if act == "open_packet":
        return "200 OK", open_packet(cursor, *caller, str(member), referral, body["purpose"])
    context = bare_reads.context_of(caller, member, referral, f"referral.{act}")
    made = bare_acts.do(cursor, context, act, body)
    return "201 Created" if bare_acts.ACTS[act].record else "200 OK", made


def send(body: bytes, start_response: Any, status: str = "200 OK") -> list[bytes]:
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response(status, headers)
    return [body]


def directory(cursor: Any, environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """As nobody, or with a token that is looked up."""
    caller = None
    if header := environ.get("HTTP_AUTHORIZATION"):
        cursor.execute(TOKEN, (sha256(header.removeprefix("Bearer ").encode()).hexdigest(),))
        caller = cursor.fetchone()
    path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
    body = bare_directory.answer(cursor, path, query, member=caller is not None)
    return send(body.encode(), start_response)


def inbox(cursor: Any, agency: str, client: str, limit: int) -> dict[str, Any]:
    cursor.execute(INBOX, {"agency": agency, "limit": limit + 1})
    rows = cursor.fetchall()
    more = len(rows) > limit
    ids = _array(row[0] for row in rows[:limit])
    entry = (_id(), agency, None, client, "referral.list", None, None, ids, None, None, _id())
    cursor.execute(ENTRY + "; COMMIT", entry)
    now = datetime.now(UTC)
    items = [
        {
            "id": row[0],
            "side": "to",
            "reference": row[1],
            "from_agency": {"id": row[2], "name": row[3]},
            "to_agency": {"id": row[4], "name": row[5]},
            "service": {"id": row[6], "name": row[7]},
            "status": _status(row[8], row[16], row[17], now),
            "urgency": row[9],
            "needs": row[10],
            "wanted": row[11],
            "created_at": row[12],
            "sent_at": row[13],
            "ack_by": row[14],
            "accept_by": row[15],
            "expires_at": row[16],
            "handoff_by": row[18],
            "holder_id": row[19],
            "asked_to_ring_at": row[20],
            "external_ref": None,  # no member is named
        }
        for row in rows[:limit]
    ]
    last = rows[limit - 1] if more else None
    return {"items": items, "next": f"{last[12]} {last[0]}" if last else None}


def _id() -> str:
    return str(uuid7())


def _array(ids: Iterable[str]) -> str:
    return "{" + ",".join(ids) + "}"


def _status(status: str, expires_at: datetime, own: str | None, now: datetime) -> str:
    if status in ("sent", "acknowledged") and expires_at <= now:
        return "expired"
    return own or status if status == "accepted" else status


def open_packet(
    cursor: Any, agency: str, client: str, member: str, referral: str, purpose: str
) -> dict[str, Any]:
    cursor.execute(GRANT, {"agency": agency, "member": member, "referral": referral})
    names, release, expires_at, version, bundle, notice = cursor.fetchone()
    keys = sealing.unwrap(agency, version, bundle, f"packet:{referral}:{agency}")
    entry_id = _id()
    entry = (entry_id, agency, member, client, "referral.open_packet", purpose, referral, None)
    wanted = _array(row for row, _key in keys.values())
    cursor.execute(ENTRY + FIELDS, (*entry, names, release, _id(), referral, wanted))
    rows = cursor.fetchall()
    cursor.execute("COMMIT")
    packet = {
        field: sealing.unseal(
            bytes.fromhex(keys[field][1]), ciphertext, f"packet_field:{row}:{field}"
        ).decode()
        for row, field, ciphertext in rows
    }
    return {
        "safe_contact": packet.get("safe_contact"),
        "packet": packet,
        "release_id": release,
        "release_expires_at": expires_at,
        "handling": ["not_to_portal_or_proxy", *([notice] if notice else [])],
        "notice": str(REDISCLOSURE_NOTICE[notice]) if notice else None,
        "receipt": entry_id,
        "consent": None,  # of records under Part 2
    }
