"""An agency's webhooks: where its events are sent, and the outcome of each (ADR 0035).

They are managed by an agency_admin or a client with webhooks:write, and sent by
referrals/webhooks/delivery.py. An endpoint starts with the events after its creation, goes through
its agency's feed in order, and can be set back to any event of it. It receives only ids, and
nothing of a referral that bars anyone of the agency (R12). An endpoint can also be a witness of the
access log. It then receives the newest checkpoint, at most once a minute (ADR 0023), and exists
only for a client that may also read those: numbers and times of checkpoints say how much all
agencies do (ADR 0070).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import IntegrityError, connection

from permissions import entity_tags
from permissions.audit import queries, writer
from permissions.database.advisory_locks import MAKING_WEBHOOKS, lock_number
from permissions.database.uuid7 import uuid7
from permissions.errors import MatchRequired, NotPossible, NotVisible, Refused, StaleMatch
from permissions.keys import wrapping
from permissions.policy import rules
from permissions.principal import Principal
from referrals import idempotency, job_wakeup
from referrals.queries.lists import Place
from referrals.webhooks import name_lookups, signatures, ssrf_guard
from referrals.webhooks.outbox import secret_context

MOST = 5  # endpoints of a kind per agency: each takes a slot of the sender
OVERLAP = "interval '24 hours'"  # an old secret keeps signing together with the new one
MAX_PAGE = 100


class Endpoint(NamedTuple):
    """One endpoint as its managers see it. `secret` is shown once, when it was just made: the
    replay of a request does not show it again."""

    id: UUID
    url: str
    about: str  # events, checkpoints; tasks: events, for a subscriber by FHIR
    created_at: datetime
    paused: bool
    state: str  # ok, failing, paused, gone (it answered 410), given_up (75 hours of failures)
    failing_since: datetime | None
    next_at: datetime | None  # of the next try, while it fails
    etag: str
    secret: str | None = None


class Delivery(NamedTuple):
    """One try. Without `event_id` and `checkpoint` it is a test."""

    id: UUID
    at: datetime
    event_id: UUID | None
    checkpoint: int | None
    message_id: UUID
    outcome: str
    status: int | None
    took_ms: int


_COLUMNS = (
    "SELECT id, url, about, created_at, paused, stopped, failing_since,"
    " CASE WHEN tries > 0 THEN next_at END FROM webhook_endpoint"
    " WHERE agency_id = %s AND (about <> 'checkpoints' OR %s) AND removed_at IS NULL"
)


def _endpoint(row: tuple) -> Endpoint:
    id_, url, about, created_at, paused, stopped, since, next_at = row
    state = "paused" if paused else stopped or ("failing" if since else "ok")
    etag = entity_tags.of_version("etag of an endpoint", str(id_), url, str(paused))
    next_try = next_at if state == "failing" else None
    return Endpoint(id_, url, about, created_at, paused, state, since, next_try, etag)


def _endpoints(principal: Principal, more: str, *values: UUID | str) -> list[Endpoint]:
    """Return those that the caller may know of. `more` follows the WHERE clause."""
    with connection.cursor() as cursor:
        known = (principal.agency_id, queries.may_review(principal))
        cursor.execute(f"{_COLUMNS} {more}", (*known, *values))
        return [_endpoint(row) for row in cursor.fetchall()]


def list_endpoints(principal: Principal) -> list[Endpoint]:
    """Return the agency's endpoints, oldest first. Raises NotPermitted. One access entry."""
    with writer.logged_act(principal, "webhook.list"):
        rules.require_webhook_manager(principal)
        return _endpoints(principal, "ORDER BY created_at, id")


def read(principal: Principal, endpoint_id: UUID) -> Endpoint:
    """Return one endpoint. Raises NotPermitted, NotVisible. One access entry."""
    with writer.logged_act(principal, "webhook.read"):
        return _see(principal, endpoint_id)


def create(
    principal: Principal,
    url: str,
    about: str = "events",
    *,
    key: idempotency.Key | None = None,
) -> Endpoint:
    """Create an endpoint, which receives what happens from now on. Its secret is in the answer,
    once. `about`: `events`, `tasks`, or `checkpoints` if the caller may read those.

    The same address twice is refused, so that a repeated request creates no second one. With an
    Idempotency-Key twice returns the same endpoint, without the secret. Raises NotPermitted,
    InFlight, KeyReused, TargetRefused, TooOften, NotPossible, Unavailable.
    """
    _check_target(principal, "webhook.create", url)
    with writer.logged_act(principal, "webhook.create") as attempt:
        rules.require_webhook_manager(principal)
        if about == "checkpoints":
            queries.must_review(principal)
        done = idempotency.begin(principal, key)
        if done is not None:
            return _see(principal, done)
        endpoint_id = uuid7()
        with connection.cursor() as cursor:
            # Serialize creation, so that two at once do not exceed the limit together.
            cursor.execute(
                "SELECT pg_advisory_xact_lock(%s, %s)",
                [MAKING_WEBHOOKS, lock_number(principal.agency_id)],
            )
            with _one_an_address():
                cursor.execute(
                    "INSERT INTO webhook_endpoint (id, agency_id, url, about, created_at, at_xact,"
                    " at_event, next_at) VALUES (%s, %s, %s, %s, %s, sec.xact_bound() - 1, %s, %s)",
                    [endpoint_id, principal.agency_id, url, about, attempt.now, _LAST, attempt.now],
                )
        # Each kind by itself: what a caller may not know of is not counted against them.
        if len(_endpoints(principal, "AND about = %s", about)) > MOST:
            raise NotPossible("webhooks_full", f"An agency has at most {MOST} webhooks of a kind.")
        secret = _keep_secret(endpoint_id, attempt.now)
        idempotency.finish(principal, key, endpoint_id, attempt.now, referral_id=None)
        return _see(principal, endpoint_id)._replace(secret=secret)


_LAST = UUID(int=2**128 - 1)


def change(
    principal: Principal,
    endpoint_id: UUID,
    *,
    url: str | None = None,
    paused: bool | None = None,
    if_match: str | None,
) -> Endpoint:
    """Change the address, pause, or resume. Any change resumes an endpoint that was stopped: it
    continues with the event that it did not accept. Twice is safe.

    Raises NotPermitted, NotVisible, MatchRequired, StaleMatch, TargetRefused, TooOften,
    NotPossible, Unavailable.
    """
    if url is not None:
        _check_target(principal, "webhook.change", url)
    with writer.logged_act(principal, "webhook.change") as attempt:
        seen = _see(principal, endpoint_id, lock=True)
        if if_match is None:
            raise MatchRequired
        if not entity_tags.is_current(if_match, seen.etag):
            raise StaleMatch
        with _one_an_address():
            _update(
                endpoint_id,
                "url = %s, paused = %s, stopped = NULL, tries = 0, failing_since = NULL,"
                " next_at = %s",
                [
                    seen.url if url is None else url,
                    seen.paused if paused is None else paused,
                    attempt.now,
                ],
            )
        return _see(principal, endpoint_id)


def remove(principal: Principal, endpoint_id: UUID) -> None:
    """Remove the endpoint. Nothing more is sent there; sends in progress may still arrive. Raises
    NotPermitted, NotVisible."""
    with writer.logged_act(principal, "webhook.remove") as attempt:
        _see(principal, endpoint_id, lock=True)
        _update(endpoint_id, "removed_at = %s", [attempt.now])


def rotate(
    principal: Principal, endpoint_id: UUID, *, key: idempotency.Key | None = None
) -> Endpoint:
    """Create a new secret, shown once. For 24 hours messages carry two signatures, by the new
    secret and the previous one; older ones end at once. With an Idempotency-Key twice makes one,
    and the second answer is without it. Raises NotPermitted, NotVisible, InFlight, KeyReused."""
    with writer.logged_act(principal, "webhook.rotate") as attempt:
        seen = _see(principal, endpoint_id, lock=True)
        if idempotency.begin(principal, key) is not None:
            return seen
        idempotency.finish(principal, key, endpoint_id, attempt.now, referral_id=None)
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE webhook_secret SET ends_at = CASE WHEN ends_at IS NULL"
                f" THEN sec.clock() + {OVERLAP} ELSE sec.clock() END WHERE endpoint_id = %s",
                [endpoint_id],
            )
        return seen._replace(secret=_keep_secret(endpoint_id, attempt.now))


def ping(principal: Principal, endpoint_id: UUID, *, key: idempotency.Key | None = None) -> UUID:
    """Request a test message. It is sent at once, also to a failing endpoint, but not to a paused
    or stopped one. Returns its webhook-id, by which the deliveries list it.

    With an Idempotency-Key twice sends one. Raises NotPermitted, NotVisible, InFlight, KeyReused,
    NotPossible.
    """
    with writer.logged_act(principal, "webhook.ping") as attempt:
        seen = _see(principal, endpoint_id, lock=True)
        if (done := idempotency.begin(principal, key)) is not None:
            return done
        if seen.state not in {"ok", "failing"}:
            raise NotPossible("webhook_stopped", "It is paused or stopped: resume it first.")
        message_id = uuid7()
        _update(endpoint_id, "ping_id = %s", [message_id])
        idempotency.finish(principal, key, message_id, attempt.now, referral_id=None)
        job_wakeup.wake_job("webhooks")
        return message_id


def replay(
    principal: Principal,
    endpoint_id: UUID,
    event_id: UUID,
    *,
    key: idempotency.Key | None = None,
) -> Endpoint:
    """Send again from this event on, in order, each under its old webhook-id.

    With an Idempotency-Key twice goes back once. Raises NotPermitted, NotVisible, InFlight,
    KeyReused, NotPossible (no such event in the agency's feed).
    """
    with writer.logged_act(principal, "webhook.replay") as attempt:
        seen = _see(principal, endpoint_id, lock=True)
        if idempotency.begin(principal, key) is not None:
            return seen
        if seen.about == "checkpoints":
            raise NotPossible("event_unknown", "It is sent checkpoints, and no events.")
        with connection.cursor() as cursor:
            cursor.execute("SELECT xact FROM sec.event_position(%s)", [event_id])
            row = cursor.fetchone()
        if row is None:
            raise NotPossible("event_unknown", "No such event in your agency's feed.")
        before = UUID(int=event_id.int - 1)
        # Sends in progress no longer move the place: their lease is gone.
        _update(endpoint_id, "at_xact = %s, at_event = %s, lease = NULL", [row[0], before])
        idempotency.finish(principal, key, endpoint_id, attempt.now, referral_id=None)
        job_wakeup.wake_job("webhooks")
        return _see(principal, endpoint_id)


def deliveries(
    principal: Principal, endpoint_id: UUID, after: Place | None, limit: int
) -> tuple[list[Delivery], Place | None]:
    """Return the tries of the last 30 days, newest first, and where the page ended (None: all). A
    referral that has barred anyone of the agency since is left out (R12).

    `limit` ≤ 100. Raises NotPermitted, NotVisible. One access entry.
    """
    with writer.logged_act(principal, "webhook.deliveries"):
        _see(principal, endpoint_id)
        place = (after.created_at, after.id) if after else (None, None)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT * FROM sec.newest_deliveries(%s, %s, %s, %s)",
                [endpoint_id, *place, limit + 1],
            )
            found = [Delivery._make(row) for row in cursor.fetchall()]
    page = found[:limit]
    return page, Place(page[-1].at, page[-1].id) if len(found) > limit else None


def _check_target(principal: Principal, act: str, url: str) -> None:
    """Check the target outside a transaction. A caller who may not manage webhooks learns nothing
    about a name. The look-up is counted before it begins, so that many at once cannot exceed the
    agency's limit."""
    try:
        rules.require_webhook_manager(principal)
        if ssrf_guard.needs_lookup(url):
            name_lookups.count_lookup(principal)
        ssrf_guard.resolve_target(url)
    except Refused as refusal:
        writer.log_refusal(principal, act, refusal.code)
        raise


@contextmanager
def _one_an_address() -> Iterator[None]:
    """Raise NotPossible for an address that another of the agency's endpoints has, known to the
    caller or not."""
    try:
        yield
    except IntegrityError:
        raise NotPossible("webhook_exists", "Your agency has a webhook to this address.") from None


def _see(principal: Principal, endpoint_id: UUID, *, lock: bool = False) -> Endpoint:
    rules.require_webhook_manager(principal)
    found = _endpoints(principal, f"AND id = %s{' FOR UPDATE' if lock else ''}", endpoint_id)
    if not found:
        raise NotVisible
    return found[0]


def _update(
    endpoint_id: UUID, setting: str, values: list[str | int | bool | datetime | UUID]
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE webhook_endpoint SET {setting} WHERE id = %s", [*values, endpoint_id]
        )


def _keep_secret(endpoint_id: UUID, now: datetime) -> str:
    secret, row_id = signatures.new_secret(), uuid7()
    wrapped = wrapping.wrap(wrapping.WEBHOOK_KEY_OWNER, secret.encode(), secret_context(row_id))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO webhook_secret (id, endpoint_id, kek_version, key_bundle, created_at)"
            " VALUES (%s, %s, %s, %s, %s)",
            [row_id, endpoint_id, wrapped.kek_version, wrapped.blob, now],
        )
    return secret
