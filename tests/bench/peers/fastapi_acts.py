"""What an act does, by SQLAlchemy's ORM."""

import json
import secrets
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from bench import sealing
from bench.acts import ACTS, Act, written
from bench.peers import fastapi_models as m
from bench.peers import shapes
from sqlalchemy import select
from sqlalchemy.orm import Session as OrmSession


class Caller(NamedTuple):
    agency: UUID
    client: UUID
    member: UUID | None


def log(db: OrmSession, who: Caller, act: str, **more: Any) -> m.Entry:
    entry = m.Entry(
        id=shapes.uuid7(),
        agency_id=who.agency,
        member_id=who.member,
        client_id=who.client,
        act=act,
        decision=more.pop("decision", "allowed"),
        request_id=shapes.uuid7(),
        address_prefix=shapes.NETWORK,
        **more,
    )
    db.add(entry)
    return entry


def own_of(one: m.Referral, who: Caller) -> m.Side | None:
    return next((side for side in one.sides if side.agency_id == who.agency), None)


def perform(
    db: OrmSession, who: Caller, one: m.Referral, name: str, body: dict[str, Any], now: datetime
) -> UUID | None:
    act, context = ACTS[name], body | shapes.context_of(who.agency, who.member, one, now)
    own = own_of(one, who)
    if name.endswith("_release"):
        live = [r for r in one.releases if r.direction == "outbound" and not r.ended]
        context["release"] = live[0].id if live else None
    if act.holder:
        own = hold(db, who, one, context[act.holder])
    if act.assigns:
        _assign(db, who, one, context[act.assigns])
    for row, values in ((one, act.referral), (own, act.own)):
        for column, value in written(values, context).items():
            setattr(row, column, value)
        if row is not None:
            row.version = (row.version or 0) + 1
    for table, (where, values) in act.ends.items():
        found = select(m.MODELS[table]).filter_by(**written(where, context), referral_id=one.id)
        for row in db.scalars(found):
            for column, value in written(values, context).items():
                setattr(row, column, value)
    for table, values in act.adds.items():
        made = written(values, context)
        if table == "release":
            made["id"] = context["release_id"]
        db.add(m.MODELS[table](**made))
        db.flush()
    if act.closes:
        for grant in db.scalars(select(m.Grant).filter_by(referral_id=one.id)):
            if grant.release_id:
                grant.closed, grant.kek_version, grant.key_bundle = True, None, None
    if act.packs:
        _pack(db, who, one, body["packet"])
    note = _seal(db, who, one, act.note, body, now) if act.note else None
    event(db, who, one, name, act, context, now)
    log(db, who, f"referral.{name}", referral_id=one.id, subject=own.subject if own else None)
    return note


def _assign(db: OrmSession, who: Caller, one: m.Referral, member: UUID | None) -> None:
    if member in [a.membership_id for a in one.assignments]:
        return
    person = db.get_one(m.Member, member).person_id
    permission = db.scalar(select(m.Permission.id).filter_by(codename="work_on_referral"))
    one.assignments.append(
        m.Assignment(
            id=shapes.uuid7(), permission_id=permission, user_id=person, membership_id=member,
            agency_id=who.agency,
        )
    )  # fmt: skip


def hold(db: OrmSession, who: Caller, one: m.Referral, member: UUID | None) -> m.Side:
    own = own_of(one, who)
    if own is None:
        own = m.Side(id=shapes.uuid7(), agency_id=who.agency, subject=shapes.uuid7(), version=1)
        one.sides.append(own)
    elif own.holder_id != member:
        for old in [a for a in one.assignments if a.membership_id == own.holder_id]:
            db.delete(old)
    own.holder_id = member
    _assign(db, who, one, member)
    return own


def event(
    db: OrmSession, who: Caller, one: m.Referral, name: str, act: Act, context: Any, now: datetime
) -> None:
    both = act.both and one.sent_at is not None
    db.add(
        m.Event(
            id=shapes.uuid7(), referral_id=one.id, from_agency_id=one.from_agency_id,
            to_agency_id=one.to_agency_id, at=now, act=name, agency_id=who.agency,
            member_id=who.member, about_id=context[act.about] if act.about else None,
            code=context[act.code] if act.code else None, reserved=act.reserved,
            from_sees=both or one.from_agency_id == who.agency,
            to_sees=both or one.to_agency_id == who.agency,
        )
    )  # fmt: skip


def _seal(
    db: OrmSession, who: Caller, one: m.Referral, kind: str, content: Any, now: datetime
) -> UUID:
    agency, bound = str(who.agency), f"notes:{one.id}:{who.agency}"
    row = db.scalar(select(m.PrivateKey).filter_by(referral_id=one.id, agency_id=who.agency))
    if row is None:
        key = secrets.token_bytes(32)
        version, bundle = sealing.wrap(agency, {"notes": ["", key.hex()]}, bound)
        db.add(
            m.PrivateKey(
                referral_id=one.id, agency_id=who.agency, kek_version=version, key_bundle=bundle
            )
        )
    else:
        keys = sealing.unwrap(agency, row.kek_version, row.key_bundle, bound)
        key = bytes.fromhex(keys["notes"][1])
    note = shapes.uuid7()
    said = json.dumps({name: value for name, value in content.items() if value}, default=str)
    sealed = sealing.seal(key, said.encode(), f"note:{note}:{kind}")
    db.add(
        m.Note(
            id=note, referral_id=one.id, agency_id=who.agency, member_id=who.member, kind=kind,
            created_at=now, ciphertext=sealed,
        )
    )  # fmt: skip
    return note


def _pack(db: OrmSession, who: Caller, one: m.Referral, fields: dict[str, str]) -> None:
    agency, bound = str(who.agency), f"packet:{one.id}:{who.agency}"
    grant = db.scalar(select(m.Grant).filter_by(referral_id=one.id, agency_id=who.agency))
    keys = {}
    if grant is None:
        grant = m.Grant(referral_id=one.id, agency_id=who.agency, closed=False)
        db.add(grant)
    else:
        keys = sealing.unwrap(agency, grant.kek_version, grant.key_bundle, bound)
    for name, said in fields.items():
        row, key = shapes.uuid7(), secrets.token_bytes(32)
        keys[name] = [str(row), key.hex()]
        sealed = sealing.seal(key, said.encode(), f"packet_field:{row}:{name}")
        db.add(
            m.PacketField(
                id=row, referral_id=one.id, from_agency_id=who.agency, field=name,
                version=one.version, ciphertext=sealed,
            )
        )  # fmt: skip
    grant.fields = sorted(keys)
    grant.kek_version, grant.key_bundle = sealing.wrap(agency, keys, bound)
