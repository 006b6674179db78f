"""FastAPI with SQLAlchemy's ORM, served by uvicorn."""

import hashlib
import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import jwt
from bench import sealing
from bench.acts import ACTS, Act
from bench.peers import bodies as b
from bench.peers import fastapi_acts as work
from bench.peers import fastapi_models as m
from bench.peers import shapes
from bench.peers.fastapi_acts import Caller, log, own_of
from fastapi import Depends, FastAPI, Form, Header, HTTPException, Response
from sqlalchemy import select, text, union_all
from sqlalchemy.orm import Session as OrmSession
from sqlalchemy.orm import aliased, joinedload, selectinload

app = FastAPI()


def session() -> Iterator[OrmSession]:
    with m.Session() as opened:
        yield opened


Db = Annotated[OrmSession, Depends(session)]


def caller(
    db: Db,
    authorization: Annotated[str, Header()] = "",
    acting_member: Annotated[UUID | None, Header()] = None,
) -> Caller:
    hashed = hashlib.sha256(authorization.removeprefix("Bearer ").encode()).digest()
    found = db.scalar(
        select(m.Credential).where(
            m.Credential.hash == hashed,
            m.Credential.ended_at.is_(None),
            m.Credential.expires_at > datetime.now(UTC),
        )
    )
    if found is None:
        db.add(m.Entry(act="api.authenticate", decision="refused", rule="not_authenticated"))
        db.commit()
        raise HTTPException(401)
    return Caller(found.agency_id, found.client_id, acting_member)


Who = Annotated[Caller, Depends(caller)]


# -- Reads -----------------------------------------------------------------------------------------


@app.get("/v1/referrals", response_model=b.Page)
def inbox(db: Db, who: Who, box: str, limit: int = 50) -> b.Page:
    found = db.scalars(
        select(m.Referral)
        .options(
            joinedload(m.Referral.from_agency),
            joinedload(m.Referral.to_agency),
            selectinload(m.Referral.sides),
        )
        .where(m.Referral.to_agency_id == who.agency, m.Referral.sent_at.is_not(None))
        .order_by(m.Referral.created_at.desc(), m.Referral.id.desc())
        .limit(limit + 1)
    ).all()
    now = datetime.now(UTC)
    page = b.Page(
        items=[_line(one, who, now) for one in found[:limit]],
        next=str(found[limit - 1].id) if len(found) > limit else None,
    )
    log(db, who, "referral.list", referral_ids=[one.id for one in found[:limit]])
    db.commit()
    return page


def _line(one: m.Referral, who: Caller, now: datetime) -> b.InboxLine:
    own = own_of(one, who)
    return b.InboxLine(**_common(one, own, "to", now), holder_id=own.holder_id if own else None,
                       urgency=one.urgency, needs=one.needs, wanted=one.wanted)  # fmt: skip


def _common(one: m.Referral, own: m.Side | None, side: str, now: datetime) -> dict[str, Any]:
    return {
        "id": one.id,
        "side": side,
        "reference": one.reference,
        "from_agency": b.Named.model_validate(one.from_agency),
        "to_agency": b.Named.model_validate(one.to_agency),
        "service": b.Named(id=one.service_id, name=one.service_name),
        "status": shapes.status_of(one, own, side, now),
        "created_at": one.created_at,
        "sent_at": one.sent_at,
        "ack_by": one.ack_by,
        "accept_by": one.accept_by,
        "expires_at": one.expires_at,
        "handoff_by": own.handoff_by if own and side == "to" else None,
        "asked_to_ring_at": shapes.asked_at(one, own, side),
    }


def find(db: OrmSession, who: Caller, referral_id: UUID, *, locked: bool = False) -> m.Referral:
    query = select(m.Referral).where(m.Referral.id == referral_id)
    if locked:
        query = query.with_for_update()
    else:
        query = query.options(
            joinedload(m.Referral.from_agency),
            joinedload(m.Referral.to_agency),
            selectinload(m.Referral.sides),
        )
    one = db.scalar(query)
    received = one is not None and one.to_agency_id == who.agency and one.sent_at
    if one is None or not (one.from_agency_id == who.agency or received):
        log(db, who, "referral.read", decision="refused", rule="not_found",
            referral_id=referral_id)  # fmt: skip
        db.commit()
        raise HTTPException(404)
    return one


@app.get("/v1/referrals/{referral_id}", response_model=b.ReferralOut)
def detail(db: Db, who: Who, referral_id: UUID) -> b.ReferralOut:
    one = find(db, who, referral_id)
    own = own_of(one, who)
    log(db, who, "referral.read", referral_id=one.id, subject=own.subject if own else None)
    shown = show(db, who, one)
    db.commit()
    return shown


def show(db: OrmSession, who: Caller, one: m.Referral) -> b.ReferralOut:
    now, own = datetime.now(UTC), own_of(one, who)
    side = "from" if one.from_agency_id == who.agency else "to"
    members = db.scalars(select(m.Member).where(m.Member.agency_id == who.agency))
    names = {member.id: member.name for member in members}

    def named(member: UUID | None) -> b.Named | None:
        return b.Named(id=member, name=names.get(member)) if member else None

    assigned = [a.membership_id for a in one.assignments if a.agency_id == who.agency]
    works = who.member in assigned
    answers = works or shapes.is_lead(who.member)
    known = side == "from" or one.accepted_at is not None
    release = next((r for r in one.releases if r.direction == "outbound"), None)
    plan = next((p for p in one.plans if p.agency_id == who.agency and works), None)
    common = _common(one, own, side, now)
    opened = purge = None
    if side == "from" and one.status == "entered_in_error":
        opened = db.scalars(
            select(m.Entry.at).where(
                m.Entry.referral_id == one.id,
                m.Entry.agency_id == one.to_agency_id,
                m.Entry.act == "referral.open_packet",
            )
        ).all()
    if one.ended_at or (own and own.state in ("completed", "unable")):
        purge = db.scalar(
            select(m.Event.at).where(m.Event.referral_id == one.id, m.Event.act == "purge_due")
        )
    return b.ReferralOut(
        **common,
        code=one.code,
        suggested_service_id=one.suggested_service_id,
        notice=b.NoticeOut.model_validate(one),
        acknowledged_at=one.acknowledged_at,
        accepted_at=one.accepted_at,
        escalated_at=(own.escalated_at if own and side == "to" else None) or one.escalated_at,
        hold_until=own.hold_until if own else None,
        remind_at=own.remind_at if own else None,
        holder=named(own.holder_id) if own else None,
        assigned=[named(member) for member in assigned],
        release=b.ReleaseOut(
            **{name: getattr(release, name) for name in b.ReleaseOut.model_fields
               if name != "in_force"},
            in_force=not release.ended and release.expires_at > now,
        ) if release and answers and known else None,
        release_ended=one.release_ended and known,
        purge_at=purge,
        blocks=[
            b.BlockOut(
                kind=mark.kind, member=named(mark.bars_member_id), ours=True, set_at=mark.set_at
            )
            for mark in one.blocks
            if answers and mark.agency_id == who.agency and mark.lifted_at is None
        ],
        plan=plan.services if plan else [],
        replaces_id=plan.replaces_id if plan else None,
        openings=None if opened is None else b.OpeningsOut(people=len(opened), times=opened),
        acts=shapes.acts_of(who.member, side, common["status"], works, own, one.accepted_at),
    )  # fmt: skip


@app.get("/v1/events", response_model=b.Events)
def events(db: Db, who: Who, limit: int = 100) -> b.Events:
    event = m.Event
    past = event.xact < select(text("sec.xact_bound()")).scalar_subquery()
    boxes = [
        select(event).where(mine == who.agency, sees, event.reserved.is_(False), past)
        .order_by(event.xact, event.id).limit(limit)
        for mine, sees in (
            (event.from_agency_id, event.from_sees), (event.to_agency_id, event.to_sees)
        )
    ]  # fmt: skip
    both = aliased(event, union_all(*boxes).subquery())
    found = db.scalars(select(both).order_by(both.xact, both.id).limit(limit)).all()
    log(db, who, "event.list", referral_ids=sorted({one.referral_id for one in found}))
    db.commit()
    items = []
    for one in found:
        mine = one.agency_id == who.agency
        doer = "from" if one.agency_id == one.from_agency_id else "to"
        items.append(
            b.EventOut(
                id=one.id, at=one.at, referral_id=one.referral_id, act=one.act, code=one.code,
                side="system" if one.agency_id is None else doer,
                member_id=one.member_id if mine else None, about_id=one.about_id if mine else None,
            )
        )  # fmt: skip
    return b.Events(items=items, next=f"{found[-1].xact} {found[-1].id}")


# -- Writes ----------------------------------------------------------------------------------------


@app.post("/v1/referrals", status_code=201, response_model=b.ReferralOut)
def create(db: Db, who: Who, body: b.ReferralIn) -> b.ReferralOut:
    listing = db.get_one(m.Listing, body.service_id)
    now = datetime.now(UTC)
    one = m.Referral(
        id=shapes.uuid7(), from_agency_id=who.agency, to_agency_id=listing.answered_by,
        service_id=listing.id, service_name=listing.name, reference=shapes.reference(),
        reference_day=now.date(), status="draft", version=1, created_at=now, release_ended=False,
        **body.model_dump(exclude={"service_id", "send"}),
    )  # fmt: skip
    db.add(one)
    work.hold(db, who, one, who.member)
    db.flush()
    work.event(db, who, one, "create", Act(), {}, now)
    log(db, who, "referral.create", referral_id=one.id)
    if body.send:
        work.perform(db, who, one, "send", body.send.model_dump(), now)
    db.flush()
    shown = show(db, who, one)
    db.commit()
    return shown


@app.post("/v1/referrals/{referral_id}/open_packet", response_model=b.PacketOut)
def open_packet(db: Db, who: Who, referral_id: UUID, body: b.ActIn) -> b.PacketOut:
    one = find(db, who, referral_id)
    now = datetime.now(UTC)
    grant = db.scalars(
        select(m.Grant).where(
            m.Grant.referral_id == one.id, m.Grant.agency_id == who.agency,
            m.Grant.opened_at.is_not(None), m.Grant.closed.is_(False), m.Grant.expires_at > now,
        )
    ).one()  # fmt: skip
    release = db.get_one(m.Release, grant.release_id)
    if who.member not in [a.membership_id for a in one.assignments] or release.ended:
        raise HTTPException(403)
    entry = log(db, who, "referral.open_packet", referral_id=one.id, purpose=body.purpose,
                fields=grant.fields, release_id=release.id)  # fmt: skip
    bound = f"packet:{one.id}:{who.agency}"
    keys = sealing.unwrap(str(who.agency), grant.kek_version, grant.key_bundle, bound)
    rows = db.scalars(
        select(m.PacketField).where(
            m.PacketField.referral_id == one.id,
            m.PacketField.id.in_([UUID(row) for row, _key in keys.values()]),
        )
    ).all()
    packet = {
        row.field: sealing.unseal(
            bytes.fromhex(keys[row.field][1]), row.ciphertext, f"packet_field:{row.id}:{row.field}"
        ).decode()
        for row in rows
    }
    db.commit()
    notice = shapes.OPEN_TO["notices"].get(release.redisclosure_notice)
    return b.PacketOut(
        safe_contact=packet.get("safe_contact"),
        packet=packet,
        release_id=release.id,
        release_expires_at=grant.expires_at,
        handling=["not_to_portal_or_proxy", *([release.redisclosure_notice] if notice else [])],
        notice=notice,
        receipt=entry.id,
    )


@app.post("/v1/referrals/{referral_id}/{act}", response_model=b.ReferralOut | b.RecordOut)
def perform(
    db: Db, who: Who, referral_id: UUID, act: str, body: b.ActIn, response: Response
) -> b.ReferralOut | b.RecordOut:
    one = find(db, who, referral_id, locked=True)
    kept = work.perform(db, who, one, act, body.model_dump(), datetime.now(UTC))
    if ACTS[act].record:
        db.commit()
        response.status_code = 201
        return b.RecordOut(id=kept)
    db.flush()
    db.expire(one, ["blocks", "releases", "plans", "assignments", "sides"])
    shown = show(db, who, one)
    db.commit()
    return shown


@app.post("/oauth/token", response_model=b.TokenOut)
def token(db: Db, client_assertion: Annotated[str, Form()]) -> b.TokenOut:
    claimed = jwt.decode(client_assertion, options={"verify_signature": False})
    client = db.scalars(select(m.Client).filter_by(client_id=claimed["sub"], active=True)).one()
    wanted = jwt.get_unverified_header(client_assertion)["kid"]
    key = jwt.PyJWK(next(one for one in client.public_keys["keys"] if one["kid"] == wanted))
    url = os.environ["CAIRN_BASE_URL"] + "/oauth/token"
    claims = jwt.decode(
        client_assertion, key, algorithms=["ES256"], audience=url, issuer=client.client_id
    )
    now = datetime.now(UTC)
    old = m.Assertion.expires_at < now - timedelta(minutes=10)
    for used in db.scalars(select(m.Assertion).filter_by(client_id=client.id).where(old)):
        db.delete(used)
    db.add(
        m.Assertion(
            client_id=client.id, jti=claims["jti"],
            expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        )
    )  # fmt: skip
    secret = secrets.token_urlsafe(32)
    db.add(
        m.Credential(
            hash=hashlib.sha256(secret.encode()).digest(), agency_id=client.agency_id,
            client_id=client.id, roles=[], scopes=client.scopes, created_at=now,
            expires_at=now + timedelta(minutes=5), live=False, left_roles=[],
            system_of_record=False,
        )
    )  # fmt: skip
    log(
        db,
        Caller(client.agency_id, client.id, None),
        "token.issue",
        fields=[f"key:{hashlib.sha256(wanted.encode()).hexdigest()[:16]}"],
    )
    db.commit()
    return b.TokenOut(
        access_token=secret, expires_in=300, token_type="Bearer", scope=" ".join(client.scopes)
    )
