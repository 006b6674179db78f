"""Wakes a background job (referrals/worker.py) when there is something for it to do."""

from django.db import connections

# NOTIFY is a hint that a job has something to do; nothing depends on it. Triggers send it with the
# commit of an event or a message (sec.wake_jobs), and `wake_job` sends it from code.
CHANNEL = "cairn_work"


def wake_job(name: str, using: str = "default") -> None:
    """Hint that this job has something to do now. The hint arrives with the commit or is lost; each
    job also looks by itself at its pace."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, name])
