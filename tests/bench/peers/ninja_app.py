"""django-ninja, served by gunicorn."""

import os

os.environ["BENCH_PEER"] = "bench.peers.ninja_app"
from typing import Any
from uuid import UUID

from bench.acts import ACTS
from bench.peers import bodies as b
from bench.peers import django_work as work
from django.core.wsgi import get_wsgi_application
from django.urls import path
from ninja import NinjaAPI

api = NinjaAPI(auth=work.caller_of, docs_url=None, openapi_url=None)


@api.get("/v1/referrals", response=b.Page)
def inbox(request: Any, box: str, limit: int = 50) -> Any:
    return work.inbox(request.auth, limit)


@api.post("/v1/referrals", response={201: b.ReferralOut})
def create(request: Any, body: b.ReferralIn) -> Any:
    return 201, work.create(request.auth, body.model_dump())


@api.get("/v1/referrals/{uuid:referral_id}", response=b.ReferralOut)
def detail(request: Any, referral_id: UUID) -> Any:
    return work.detail(request.auth, referral_id)


@api.get("/v1/events", response=b.Events)
def events(request: Any, limit: int = 100) -> Any:
    return work.events(request.auth, limit)


@api.post("/v1/referrals/{uuid:referral_id}/open_packet", response=b.PacketOut)
def open_packet(request: Any, referral_id: UUID, body: b.ActIn) -> Any:
    return work.open_packet(request.auth, referral_id, body.purpose or "")


@api.post("/v1/referrals/{uuid:referral_id}/{act}", response={200: b.ReferralOut, 201: b.RecordOut})
def perform(request: Any, referral_id: UUID, act: str, body: b.ActIn) -> Any:
    made = work.perform(request.auth, referral_id, act, body.model_dump())
    return (201, {"id": made}) if ACTS[act].record else (200, made)


urlpatterns = [path("", api.urls)]
application = get_wsgi_application()
