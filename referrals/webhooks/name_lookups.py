"""Look up the address of a webhook's host: within a time limit, and few at once.

The system's resolver cannot be interrupted, and a name whose server does not answer takes it many
seconds. So each look-up runs in a thread of its own, and its caller waits LIMIT_S at most. A thread
that still waits for the resolver keeps its place. While all places are taken, further look-ups are
refused at once, and requests of every other kind go on.
"""

import queue
import socket
import threading

from django.db import connection

from permissions.database.db_identity import identified_transaction
from permissions.errors import TooOften, Unavailable
from permissions.principal import Principal

LIMIT_S = 2.0


class LookupsBusy(Unavailable):
    """All places are taken, by names that are not answered."""

    code = "lookups_busy"
    detail = "Too many names are being looked up right now. Nothing was changed. Try again."


class Lookups:
    """The look-ups that one process has in progress for one purpose, at most `places`."""

    def __init__(self, places: int) -> None:
        self._free = threading.BoundedSemaphore(places)

    def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host, in the resolver's order. Raises LookupsBusy, and OSError
        if there are none or no answer comes in time."""
        if not self._free.acquire(blocking=False):
            raise LookupsBusy
        answer: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()
        thread = threading.Thread(
            target=self._look_up, args=(host, port, answer), name="look-up", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:  # no more threads
            self._free.release()
            raise LookupsBusy from None
        try:
            found = answer.get(timeout=LIMIT_S)
        except queue.Empty:
            raise TimeoutError from None
        if isinstance(found, OSError):
            raise found
        return found

    def _look_up(
        self, host: str, port: int, answer: "queue.SimpleQueue[list[str] | OSError]"
    ) -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.put([str(place[4][0]) for place in found])
        except OSError as error:
            answer.put(error)
        except Exception:  # a name that cannot be encoded, for instance
            answer.put(OSError())
        finally:
            self._free.release()


# Half the threads that one web process has by default (deploy/gunicorn.conf.py), so that names
# without an answer never hold all of them.
OF_REQUESTS = Lookups(2)
# Twice as many as webhooks are sent at once, by threads that serve no request
# (referrals/webhooks/delivery.py).
OF_THE_SENDER = Lookups(64)


def count_lookup(principal: Principal) -> None:
    """Count a look-up of the caller's agency, in a transaction of its own. Raises TooOften."""
    with identified_transaction(principal), connection.cursor() as cursor:
        cursor.execute("SELECT sec.use_webhook_lookup()")
        (wait,) = cursor.fetchone()
    if wait is not None:
        raise TooOften(
            "lookups_spent",
            "Your agency named as many webhook addresses in the last hour as it may. Try again"
            " later.",
            wait=wait,
        )
