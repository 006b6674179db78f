"""Sends the messages with a secret in them: the link of an invitation or of a question about an
entry (directory/editing/verification.py), a spoken code
(permissions/enrollment/sealed_messages.py). A job of the background work. A question leaves only
if its entry is public then.

A message is tried until it has left or has expired, then its address and secret are erased. A
worker that is killed while it sends leaves the message waiting: it may leave twice. A call that a
stranger asked for by a card is tried once.
"""

from datetime import timedelta

import structlog
from django.db import transaction

from directory.editing import verification
from permissions.database.aliases import JOBS
from permissions.database.clock import database_now
from permissions.enrollment import sealed_messages
from permissions.keys import closings
from permissions.models import SealedMessage
from referrals.notifications import keyed_calls, transports
from referrals.notifications.transports import NoProvider, NotSent, Outgoing

log = structlog.get_logger()

WITHOUT_PROVIDER = timedelta(minutes=1)
KEPT = timedelta(days=7)  # the outcome, which the agency sees with the invitation


def step() -> bool:
    """Send the next message that is due. Returns whether there was one."""
    with transaction.atomic(using=JOBS):
        message = _claim()
        if message is None:
            _delete_old()
            return False
        now = database_now(JOBS)
        if message.expires_at <= now:
            _finish(message, "failed")
            return True
        try:
            message.call_sid = _send(message)
        except NoProvider:
            _wait(message, WITHOUT_PROVIDER)
        except NotSent as error:
            log.warning("sealed_message_not_sent", kind=message.kind, error=error.code)
            if error.final or message.tries + 1 >= sealed_messages.MOST_TRIES:
                _finish(message, "failed")
            else:
                _wait(message, sealed_messages.FIRST_REST * 2**message.tries)
        else:
            _finish(message, "handed_over")
    return True


def _claim() -> SealedMessage | None:
    """The message that is due first, locked: no other worker sends it meanwhile."""
    waiting = SealedMessage.objects.using(JOBS).filter(
        outcome="waiting", due_at__lte=database_now(JOBS)
    )
    return waiting.order_by("due_at").select_for_update(skip_locked=True).first()


def _send(message: SealedMessage) -> str | None:
    content = sealed_messages.content_of(message)
    if content.template in verification.TEMPLATES and not verification.may_be_sent(
        message.about_id
    ):
        raise NotSent("over", final=True)
    if content.template in keyed_calls.TEMPLATES:
        _begin_once(message)
    return transports.send(
        Outgoing(
            message.id,
            message.kind,
            content.address,
            content.language,
            content.template,
            content.secret,
        )
    )


def _begin_once(message: SealedMessage) -> None:
    """Keep that this call is begun, outside the database and before it is: a stranger asked for it,
    so it is made once at most, even if this worker dies or the provider's answer is lost."""
    if closings.least_version(message.id.hex) > 0:
        raise NotSent("begun_before", final=True)
    closings.close([(message.id.hex, 1)])  # 1: forgotten once the message is long over


def _finish(message: SealedMessage, outcome: str) -> None:
    message.outcome, message.sealed = outcome, None
    message.save(using=JOBS, update_fields=["outcome", "sealed", "call_sid"])


def _wait(message: SealedMessage, rest: timedelta) -> None:
    message.tries, message.due_at = message.tries + 1, database_now(JOBS) + rest
    message.save(using=JOBS, update_fields=["tries", "due_at"])


def _delete_old() -> None:
    SealedMessage.objects.using(JOBS).filter(expires_at__lt=database_now(JOBS) - KEPT).delete()
