"""The queues of messages and of webhooks, as counts and seconds."""

import json
from collections.abc import Iterable
from math import inf
from typing import NamedTuple

from django.db import connections

from permissions.identity import contact_channels

# A message that is due leaves within seconds. Longer than this, and what carries it is in trouble.
STUCK_S = 300.0
DEAD_S = 3600.0  # for so long a message that was given up says something of its provider
KINDS = contact_channels.KINDS
NEEDLESS = "needless"  # the outcome of a call that was answered otherwise: no one gave up


class Queue(NamedTuple):
    """The messages of one kind with one state and one last outcome (codes). `oldest_s`: the seconds
    since the first of them was made; `overdue_s`: for how long one could have been sent; `ended_s`:
    since the last of them was sent or given up, None if they wait."""

    kind: str
    state: str
    outcome: str
    number: int
    oldest_s: float
    overdue_s: float
    ended_s: float | None


class Webhooks(NamedTuple):
    """`failing`: endpoints whose last try failed, the first of them for `failing_s` seconds;
    `stopped`: endpoints that the sender gave up; `tries`: of the last five minutes, by outcome."""

    failing: int
    failing_s: float | None
    stopped: int
    tries: dict[str, int]

    @property
    def stuck(self) -> bool:
        """Whether every try of the last minutes failed: one receiver's trouble is its agency's,
        all receivers' is ours."""
        return bool(self.tries) and "delivered" not in self.tries and self.failing > 1


def stuck_kinds(found: Iterable[Queue]) -> list[str]:
    """The kinds of messages that do not get through: the first that waits has waited for longer
    than STUCK_S, or the one that ended last, within DEAD_S, was given up. By kind."""
    rows = list(found)
    return sorted({one.kind for one in rows if _is_stuck([o for o in rows if o.kind == one.kind])})


def _is_stuck(rows: list[Queue]) -> bool:
    ended = {
        state: min(
            (
                one.ended_s
                for one in rows
                if one.state == state and one.outcome != NEEDLESS and one.ended_s is not None
            ),
            default=inf,
        )
        for state in ("sent", "dead")
    }
    given_up = ended["dead"] < min(ended["sent"], DEAD_S)
    return given_up or any(one.state == "waiting" and one.oldest_s > STUCK_S for one in rows)


def queues(using: str = "default") -> list[Queue]:
    """Each kind, state and outcome that there is. Raises django.db.Error."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT kind, state, outcome, number, oldest_s, overdue_s, ended_s"
            " FROM sec.message_figures() ORDER BY kind, state, outcome"
        )
        return [Queue._make(row) for row in cursor.fetchall()]


def webhooks(using: str = "default") -> Webhooks:
    """How the endpoints take what is sent. Raises django.db.Error."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT failing, failing_s, stopped, tries FROM sec.webhook_figures()")
        ((failing, failing_s, stopped, tries),) = cursor.fetchall()
    return Webhooks(failing, failing_s, stopped, json.loads(tries))
