"""What both peers made with Django do: who calls, what they see, and the acts."""

import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from bench import sealing
from bench.acts import ACTS, NOTICE, Act, written
from bench.peers import django_models as m
from bench.peers import shapes
from django.contrib.auth.models import Permission
from django.db import transaction
from django.db.models import F, Q
from django.http import Http404
from django.utils import timezone


class Caller(NamedTuple):
    agency: UUID
    client: UUID
    member: UUID | None


def caller_of(request: Any) -> Caller | None:
    secret = request.headers.get("Authorization", "").removeprefix("Bearer ")
    hashed = hashlib.sha256(secret.encode()).digest()
    live = m.Credential.objects.filter(ended_at=None, expires_at__gt=timezone.now())
    found = live.filter(hash=hashed).first()
    if found is None:
        m.Entry.objects.create(act="api.authenticate", decision="refused", rule="not_authenticated")
        return None
    acting = request.headers.get("Acting-Member")
    return Caller(found.agency_id, found.client_id, UUID(acting) if acting else None)


def log(who: Caller, act: str, **more: Any) -> m.Entry:
    return m.Entry.objects.create(
        agency_id=who.agency, member_id=who.member, client_id=who.client, act=act, **more
    )


# -- Reads -----------------------------------------------------------------------------------------


@dataclass
class Lists:
    items: list[Any]
    next: str | None


def inbox(who: Caller, limit: int) -> Lists:
    found = list(
        m.Referral.objects.filter(to_agency_id=who.agency, sent_at__isnull=False)
        .select_related("from_agency", "to_agency")
        .prefetch_related("sides")
        .order_by("-created_at", "-id")[: limit + 1]
    )
    for one in found:
        _prepare(one, who)
    log(who, "referral.list", referral_ids=[one.id for one in found[:limit]])
    return Lists(found[:limit], str(found[limit - 1].id) if len(found) > limit else None)


def find(who: Caller, referral_id: UUID, *, locked: bool = False) -> m.Referral:
    rows = m.Referral.objects.all()
    related = ("from_agency", "to_agency")
    rows = rows.select_for_update() if locked else rows.select_related(*related)
    sees = Q(from_agency_id=who.agency) | Q(to_agency_id=who.agency, sent_at__isnull=False)
    one = rows.filter(sees, id=referral_id).first()
    if one is None:
        log(who, "referral.read", decision="refused", rule="not_found", referral_id=referral_id)
        raise Http404
    return one


def own_of(one: m.Referral, who: Caller) -> m.Side | None:
    return next((side for side in one.sides.all() if side.agency_id == who.agency), None)


def _prepare(one: Any, who: Caller) -> None:
    """What a serializer reads from the row as attributes."""
    own = own_of(one, who)
    one.own, one.side = own, "from" if one.from_agency_id == who.agency else "to"
    one.status = shapes.status_of(one, own, one.side, timezone.now())
    one.handoff_by = own.handoff_by if own and one.side == "to" else None
    one.asked_to_ring_at = shapes.asked_at(one, own, one.side)
    one.holder_id = own.holder_id if own else None
    one.service = {"id": one.service_id, "name": one.service_name}
    one.external_ref, one.notice = None, one


def detail(who: Caller, referral_id: UUID) -> m.Referral:
    one = find(who, referral_id)
    own = own_of(one, who)
    log(who, "referral.read", referral_id=one.id, subject=own.subject if own else None)
    return show(who, one)


def show(who: Caller, one: Any) -> m.Referral:
    true_status = one.status
    _prepare(one, who)
    own, side = one.own, one.side
    names = dict(m.Member.objects.filter(agency_id=who.agency).values_list("id", "name"))

    def named(member: UUID | None) -> dict[str, Any] | None:
        return {"id": member, "name": names.get(member)} if member else None

    assigned = [a.membership_id for a in one.assignments.filter(agency_id=who.agency)]
    works = who.member in assigned
    answers = works or shapes.is_lead(who.member)
    release = one.releases.filter(direction="outbound").first()
    if release:
        release.in_force = not release.ended and release.expires_at > timezone.now()
    known = side == "from" or one.accepted_at is not None
    plan = one.planned.filter(agency_id=who.agency).first() if works else None
    one.purge_at = one.openings = None
    if side == "from" and true_status == "entered_in_error":
        opened = m.Entry.objects.filter(
            referral_id=one.id, agency_id=one.to_agency_id, act="referral.open_packet"
        ).values_list("member_id", flat=True)
        one.openings = {"people": len(opened), "times": []}
    if one.ended_at or (own and own.state in ("completed", "unable")):
        due = m.Event.objects.filter(referral=one, act="purge_due")
        one.purge_at = due.values_list("at", flat=True).first()
    one.escalated_at = (own.escalated_at if own and side == "to" else None) or one.escalated_at
    one.hold_until = own.hold_until if own else None
    one.remind_at = own.remind_at if own else None
    one.holder = named(own.holder_id) if own else None
    one.assigned = [named(member) for member in assigned]
    one.release = release if answers and known else None
    live = one.marks.filter(agency_id=who.agency, lifted_at=None) if answers else ()
    one.blocks = [
        {"kind": b.kind, "member": named(b.bars_member_id), "ours": True, "set_at": b.set_at}
        for b in live
    ]
    one.release_ended = one.release_ended and known
    one.plan = plan.services if plan else []
    one.replaces_id = plan.replaces_id if plan else None
    one.acts = shapes.acts_of(who.member, side, one.status, works, own, one.accepted_at)
    return one


@transaction.atomic
def events(who: Caller, limit: int) -> Lists:
    past = m.Event.objects.extra(where=[f"xact < (SELECT {shapes.FEED_PLACE})"])
    rows = past.filter(reserved=False).order_by("xact", "id")
    sent = rows.filter(from_agency_id=who.agency, from_sees=True)[:limit]
    got = rows.filter(to_agency_id=who.agency, to_sees=True)[:limit]
    found = list(sent.union(got, all=True).order_by("xact", "id")[:limit])
    log(who, "event.list", referral_ids=sorted({one.referral_id for one in found}))
    for one in found:
        doer = "from" if one.agency_id == one.from_agency_id else "to"
        one.side = "system" if one.agency_id is None else doer
        if one.agency_id != who.agency:
            one.member_id = one.about_id = None
    return Lists(found, f"{found[-1].xact} {found[-1].id}")


@transaction.atomic
def open_packet(who: Caller, referral_id: UUID, purpose: str) -> dict[str, Any]:
    one = find(who, referral_id)
    live = m.Grant.objects.filter(closed=False, opened_at__isnull=False)
    grant = live.get(referral_id=one.id, agency_id=who.agency, expires_at__gt=timezone.now())
    release = m.Release.objects.get(id=grant.release_id, ended=False)
    if not one.assignments.filter(membership_id=who.member).exists():
        raise Http404
    entry = log(
        who,
        "referral.open_packet",
        referral_id=one.id,
        purpose=purpose,
        fields=grant.fields,
        release_id=release.id,
    )
    bound = f"packet:{one.id}:{who.agency}"
    keys = sealing.unwrap(str(who.agency), grant.kek_version, grant.key_bundle, bound)
    rows = m.PacketField.objects.filter(id__in=[row for row, _key in keys.values()], referral=one)
    packet = {
        row.field: sealing.unseal(
            bytes.fromhex(keys[row.field][1]), row.ciphertext, f"packet_field:{row.id}:{row.field}"
        ).decode()
        for row in rows
    }
    notice = shapes.OPEN_TO["notices"].get(release.redisclosure_notice)
    return {
        "safe_contact": packet.get("safe_contact"),
        "packet": packet,
        "release_id": release.id,
        "release_expires_at": grant.expires_at,
        "handling": ["not_to_portal_or_proxy", *([release.redisclosure_notice] if notice else [])],
        "notice": notice,
        "receipt": entry.id,
        "consent": None,
    }


# -- Writes ----------------------------------------------------------------------------------------


@transaction.atomic
def create(who: Caller, body: dict[str, Any]) -> m.Referral:
    send = body.pop("send", None)
    listing = m.Listing.objects.get(id=body.pop("service_id"))
    now = timezone.now()
    one = m.Referral.objects.create(
        from_agency_id=who.agency,
        to_agency_id=listing.answered_by,
        service_id=listing.id,
        service_name=listing.name,
        reference=shapes.reference(),
        reference_day=now.date(),
        created_at=now,
        **body,
    )
    own = _hold(who, one, who.member)
    _event(who, one, "create", Act(), {}, now)
    log(who, "referral.create", referral_id=one.id, subject=own.subject)
    if send:
        _perform(who, one, "send", dict(send), now)
    return show(who, one)


@transaction.atomic
def perform(who: Caller, referral_id: UUID, act: str, body: dict[str, Any]) -> Any:
    """The referral, or the id of the record."""
    one = find(who, referral_id, locked=True)
    kept = _perform(who, one, act, body, timezone.now())
    return kept if ACTS[act].record else show(who, one)


def _perform(who: Caller, one: Any, name: str, body: dict[str, Any], now: Any) -> UUID | None:
    act = ACTS[name]
    context = NOTICE | body | shapes.context_of(who.agency, who.member, one, now)
    own = own_of(one, who)
    if name.endswith("_release"):
        live = one.releases.filter(direction="outbound", ended=False).first()
        context["release"] = live.id if live else None
    if act.holder:
        own = _hold(who, one, context[act.holder])
    if act.assigns:
        _assign(who, one, context[act.assigns])
    for row, values in ((one, act.referral), (own, act.own)):
        if row is not None and values:
            for column, value in written(values, context).items():
                setattr(row, column, value)
            row.version += 1
            row.save(update_fields=[*values, "version"])
    for table, (where, values) in act.ends.items():
        found = m.MODELS[table].objects.filter(**written(where, context), referral=one)
        found.update(**written(values, context))
    for table, values in act.adds.items():
        made = {
            f"{key}_id" if key in ("referral", "agency") else key: value
            for key, value in written(values, context).items()
        }
        if table == "release":
            made["id"] = context["release_id"]
        m.MODELS[table].objects.create(**made)
    if act.closes:
        granted = m.Grant.objects.filter(referral_id=one.id, release_id__isnull=False)
        granted.update(closed=True, kek_version=None, key_bundle=None)
    if act.packs:
        _pack(who, one, body["packet"])
    note = _seal(who, one, act.note, body, now) if act.note else None
    _event(who, one, name, act, context, now)
    log(who, f"referral.{name}", referral_id=one.id, subject=own.subject if own else None)
    return note


def _assign(who: Caller, one: m.Referral, member: UUID | None) -> None:
    if one.assignments.filter(membership_id=member).exists():
        return
    person = m.Member.objects.get(id=member).person_id
    permission = Permission.objects.get(codename="work_on_referral")
    m.Assignment.objects.create(
        permission_id=permission.id,
        user_id=person,
        referral=one,
        membership_id=member,
        agency_id=who.agency,
    )


def _hold(who: Caller, one: m.Referral, member: UUID | None) -> m.Side:
    own = own_of(one, who)
    if own is None:
        own = m.Side.objects.create(referral=one, agency_id=who.agency, holder_id=member)
    elif own.holder_id != member:
        one.assignments.filter(membership_id=own.holder_id).delete()
        m.Side.objects.filter(id=own.id).update(holder_id=member, version=F("version") + 1)
        own.holder_id = member
    _assign(who, one, member)
    return own


def _event(who: Caller, one: m.Referral, name: str, act: Act, context: Any, now: Any) -> None:
    both = act.both and one.sent_at is not None
    m.Event.objects.create(
        referral=one,
        from_agency_id=one.from_agency_id,
        to_agency_id=one.to_agency_id,
        at=now,
        act=name,
        agency_id=who.agency,
        member_id=who.member,
        about_id=context[act.about] if act.about else None,
        code=context[act.code] if act.code else None,
        reserved=act.reserved,
        from_sees=both or one.from_agency_id == who.agency,
        to_sees=both or one.to_agency_id == who.agency,
    )


def _seal(who: Caller, one: m.Referral, kind: str, content: Any, now: Any) -> UUID:
    agency, bound = str(who.agency), f"notes:{one.id}:{who.agency}"
    row = m.PrivateKey.objects.filter(referral_id=one.id, agency_id=who.agency).first()
    if row is None:
        key = secrets.token_bytes(32)
        version, bundle = sealing.wrap(agency, {"notes": ["", key.hex()]}, bound)
        m.PrivateKey.objects.create(
            referral_id=one.id, agency_id=who.agency, kek_version=version, key_bundle=bundle
        )
    else:
        keys = sealing.unwrap(agency, row.kek_version, row.key_bundle, bound)
        key = bytes.fromhex(keys["notes"][1])
    note = shapes.uuid7()
    said = json.dumps({name: value for name, value in content.items() if value}, default=str)
    m.Note.objects.create(
        id=note,
        referral=one,
        agency_id=who.agency,
        member_id=who.member,
        kind=kind,
        created_at=now,
        ciphertext=sealing.seal(key, said.encode(), f"note:{note}:{kind}"),
    )
    return note


def _pack(who: Caller, one: m.Referral, fields: dict[str, str]) -> None:
    agency, bound = str(who.agency), f"packet:{one.id}:{who.agency}"
    grant = m.Grant.objects.filter(referral_id=one.id, agency_id=who.agency).first()
    if grant is None:
        grant, keys = m.Grant(referral_id=one.id, agency_id=who.agency), {}
    else:
        keys = sealing.unwrap(agency, grant.kek_version, grant.key_bundle, bound)
    rows = []
    for name, text in fields.items():
        row, key = shapes.uuid7(), secrets.token_bytes(32)
        keys[name] = [str(row), key.hex()]
        rows.append(
            m.PacketField(
                id=row,
                referral=one,
                from_agency_id=who.agency,
                field=name,
                version=one.version,
                ciphertext=sealing.seal(key, text.encode(), f"packet_field:{row}:{name}"),
            )
        )
    m.PacketField.objects.bulk_create(rows)
    grant.fields = sorted(keys)
    grant.kek_version, grant.key_bundle = sealing.wrap(agency, keys, bound)
    grant.save()
