"""What the peers share: who may do what, the words of a state, times, and new ids."""

import json
import os
import secrets
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

OPEN_TO = json.loads(Path(os.environ["BENCH_ACTS"]).read_text() or "{}")
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
NETWORK = "127.0.0.0/24"
FEED_PLACE = "sec.xact_bound()"


def uuid7() -> UUID:
    value = (int(time.time() * 1000) << 80) | secrets.randbits(80)
    return UUID(int=value & ~(0xF000 << 64) & ~(0xC000 << 48) | 0x7000 << 64 | 0x8000 << 48)


def reference() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(6))


def status_of(referral: Any, own: Any, side: str, now: datetime) -> str:
    if referral.status in ("sent", "acknowledged") and referral.expires_at <= now:
        return "expired"
    if side == "to":
        taken = referral.status == "accepted" and own is not None and own.state
        return str(own.state) if taken else str(referral.status)
    if referral.status == "accepted" and now >= referral.accepted_at + timedelta(days=7):
        return "closed"
    return "cannot_take" if referral.status == "declined" else str(referral.status)


def asked_at(referral: Any, own: Any, side: str) -> datetime | None:
    asked = referral.to_asks_ring_at if side == "from" else referral.from_asks_ring_at
    answered = asked and own and own.called_at and own.called_at >= asked
    return None if answered else asked


def acts_of(member: UUID | None, side: str, status: str, works: bool, own: Any, taken: Any) -> Any:
    holds = member is not None and own is not None and own.holder_id == member
    return OPEN_TO[f"{member} {side} {status} {works} {holds} {bool(taken)}"]


def is_lead(member: UUID | None) -> bool:
    return str(member) in OPEN_TO["leads"]


def context_of(agency: UUID, member: UUID | None, referral: Any, now: datetime) -> dict[str, Any]:
    """The values that tests/bench/acts.py names, but those of the body."""
    return {
        "agency": agency,
        "member": member,
        "referral": referral.id,
        "from_agency": referral.from_agency_id,
        "to_agency": referral.to_agency_id,
        "now": now,
        "soon": now + timedelta(hours=1),
        "later": now + timedelta(days=1),
        "release_id": uuid7(),
    }
