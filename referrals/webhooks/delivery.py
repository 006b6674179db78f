"""Sends webhooks as a job of `manage.py worker run`. What is sent, and when, is decided in
referrals/webhooks/outbox.py.

Each endpoint has one sender at a time, over one connection, one message after the other. If a
process is killed, another continues from the last recorded place. A message may therefore arrive
twice, under the same webhook-id. The threads of the pool only send; only this job uses the
database.
"""

import queue
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import structlog

from permissions.health import failures
from referrals.webhooks import outbox, ssrf_guard
from referrals.webhooks.messages import signed_message
from referrals.webhooks.name_lookups import OF_THE_SENDER, LookupsBusy
from referrals.webhooks.outbox import Batch

log = structlog.get_logger()

BATCH_S = 5.0  # a batch sends no message after this; with the last message's limit < LEASE_S
MESSAGE_S = 10.0  # per message: connecting, TLS and the answer, even if it trickles in
WAIT_S = 1.0  # for sends in progress, before looking for new work without a hint
# A receiver that failed waits among the failing ones and takes no slot from one that answers.
PLACES = {"well": 24, "failing": 8}


def send(batch: Batch) -> None:
    """Send until a message is not accepted or the time is up. The outcomes are in `batch.done`.
    Uses no database."""
    until = time.monotonic() + BATCH_S
    line: ssrf_guard.Connection | None = None
    try:
        for message in batch.messages:
            if message.barred:
                batch.done.append((message, "barred", None, 0))
                continue
            if not batch.secrets:  # nothing is sent unsigned
                batch.done.append((message, "no_secret", None, 0))
                break
            began = time.monotonic()
            if began >= until:
                break
            status: int | None = None
            try:
                line = _if_usable(line) or ssrf_guard.Connection(
                    ssrf_guard.resolve_target(batch.url, OF_THE_SENDER), MESSAGE_S
                )
                left_s = MESSAGE_S - (time.monotonic() - began)
                status = line.post(*signed_message(batch, message), left_s)
                outcome = delivery_outcome(status)
            except (ssrf_guard.TargetRefused, LookupsBusy):
                outcome = "target_refused"
            except ssrf_guard.NoAnswer as error:
                outcome = error.outcome
            batch.done.append((message, outcome, status, round((time.monotonic() - began) * 1000)))
            if outcome != "delivered":
                break
    finally:
        if line is not None:
            line.close()


def _if_usable(line: ssrf_guard.Connection | None) -> ssrf_guard.Connection | None:
    if line is not None and not line.usable:
        line.close()
        return None
    return line


def delivery_outcome(status: int) -> str:
    """Return what an answer's status means. A redirect fails: its target was not checked."""
    if 200 <= status < 300:
        return "delivered"
    if status == 410:
        return "gone"
    return "redirect" if 300 <= status < 400 else "refused"


class WebhookSender:
    """The sends that one process has in progress."""

    def __init__(self) -> None:
        self._pools = {lane: ThreadPoolExecutor(n, f"send-{lane}") for lane, n in PLACES.items()}
        self._under_way: dict[str, int] = dict.fromkeys(PLACES, 0)
        self._back: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()  # None: a hint

    def step(self) -> bool:
        """Record what came back and start what is due. Returns whether there is more."""
        returned = self._settle()
        claimed = 0
        for lane, places in PLACES.items():
            for batch in outbox.claim(lane, places - self._under_way[lane]):
                self._under_way[lane] += 1
                claimed += 1
                self._pools[lane].submit(send, batch).add_done_callback(self._giving_back(batch))
        return bool(returned or claimed or self._busy())

    def wake(self) -> None:
        """Signal that there is something new, which ends the wait for sends in progress. Safe from
        any thread."""
        self._back.put(None)

    def finish(self) -> None:
        """Wait for the sends in progress and record them. Each has its time limit."""
        while self._busy():
            self._settle()

    def under_way(self, lane: str) -> int:
        return self._under_way[lane]

    def _busy(self) -> bool:
        return any(self._under_way.values())

    def _settle(self) -> int:
        returned = [batch for batch in self._returned() if batch is not None]
        for batch in returned:
            self._under_way[batch.lane] -= 1
        outbox.record_outcomes(returned)
        return len(returned)

    def _giving_back(self, batch: Batch) -> "Callable[[Future[None]], None]":
        def give_back(future: "Future[None]") -> None:
            if error := future.exception():
                log.error("job_failed", job="webhooks", **failures.named(error))
            self._back.put(batch)

        return give_back

    def _returned(self) -> Iterator[Batch | None]:
        try:
            yield self._back.get(timeout=WAIT_S) if self._busy() else self._back.get_nowait()
            while True:
                yield self._back.get_nowait()
        except queue.Empty:
            return


sender = WebhookSender()
