"""Wakes a background job (referrals/worker.py) when there is something for it to do."""

from django.db import connections

# NOTIFY: a hint that a job has something to do; nothing depends on it. Triggers give it with the
# commit of an event or a message (sec.wake), `wake_job` by hand.
CHANNEL = "cairn_work"


def wake_job(name: str, using: str = "default") -> None:
    """Hint that this job has something to do now. It comes with the commit, or gets lost; each job
    looks by itself at its pace."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, name])
