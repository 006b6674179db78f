"""The bodies of requests and answers as pydantic's models, for FastAPI and django-ninja."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Named(Out):
    id: UUID
    name: str | None


class NoticeIn(BaseModel):
    urgency: str = "routine"
    needs: list[str] = []
    callback: str = ""
    concern: str = "not_stated"
    age_band: str = "not_stated"
    household_size: str = "not_stated"
    language: str = "not_stated"
    interpreter: str = "not_stated"
    interpreter_not_local: bool = False
    access_needs: list[str] = []
    wanted: str = "call_worker"
    with_worker_until: datetime | None = None
    survivor_can_talk_now: bool | None = None


class SendIn(BaseModel):
    agreement: str


class ReferralIn(NoticeIn):
    service_id: UUID
    send: SendIn | None = None


class ActIn(NoticeIn):
    """What any of the acts is sent."""

    agreement: str | None = None
    code: str | None = None
    mode: str | None = None
    result: str | None = None
    outcome: str | None = None
    text: str | None = None
    via: str | None = None
    reason: str | None = None
    member_id: UUID | None = None
    services: list[UUID] = []
    until: datetime | None = None
    purpose: str | None = None
    basis: str | None = None
    form: str | None = None
    fields: list[str] = []
    signed_at: datetime | None = None
    expires_at: datetime | None = None
    attestations: list[str] = []
    consenters: list[dict[str, Any]] = []
    adult: bool | None = None
    packet: dict[str, str] = {}


class NoticeOut(Out, NoticeIn):
    agreement: str | None


class ReleaseOut(Out):
    id: UUID
    basis: str
    purpose: str
    fields: list[str]
    form: str
    signed_at: datetime
    expires_at: datetime
    in_force: bool


class BlockOut(Out):
    kind: str
    member: Named | None
    ours: bool
    set_at: datetime


class OpeningsOut(Out):
    people: int
    times: list[datetime]


class Line(Out):
    id: UUID
    side: str
    reference: str
    from_agency: Named
    to_agency: Named
    service: Named
    status: str
    created_at: datetime
    sent_at: datetime | None
    ack_by: datetime | None
    accept_by: datetime | None
    expires_at: datetime | None
    handoff_by: datetime | None
    asked_to_ring_at: datetime | None
    external_ref: str | None = None


class InboxLine(Line):
    urgency: str
    needs: list[str]
    wanted: str
    holder_id: UUID | None


class Page(Out):
    items: list[InboxLine]
    next: str | None


class ReferralOut(Line):
    code: str | None
    suggested_service_id: UUID | None
    notice: NoticeOut
    acknowledged_at: datetime | None
    accepted_at: datetime | None
    escalated_at: datetime | None
    hold_until: datetime | None
    remind_at: datetime | None
    holder: Named | None
    assigned: list[Named]
    release: ReleaseOut | None
    release_ended: bool
    purge_at: datetime | None
    blocks: list[BlockOut]
    plan: list[UUID]
    replaces_id: UUID | None
    openings: OpeningsOut | None
    acts: list[str]


class RecordOut(BaseModel):
    id: UUID


class EventOut(Out):
    id: UUID
    at: datetime
    referral_id: UUID
    act: str
    side: str
    code: str | None
    member_id: UUID | None
    about_id: UUID | None


class Events(Out):
    items: list[EventOut]
    next: str


class PacketOut(BaseModel):
    safe_contact: str | None
    packet: dict[str, str]
    release_id: UUID
    release_expires_at: datetime
    handling: list[str]
    notice: str | None
    receipt: UUID
    consent: dict[str, Any] | None = None


class TokenOut(BaseModel):
    access_token: str
    expires_in: int
    token_type: str
    scope: str
