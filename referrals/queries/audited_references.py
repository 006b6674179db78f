"""From the six letters that people say on the phone to the referrals that an auditor may read of
in the log of their own agency."""

from uuid import UUID

from django.db import connections

from permissions.audit import queries, writer
from permissions.database.aliases import AUDITOR
from permissions.principal import Principal


def find(principal: Principal, reference: str) -> list[UUID]:
    """Return the referrals of the auditor's own agency with this reference, the newest first. A
    reference of others, and one that there is not, give the same: none (R3). One access entry.
    Raises NotPermitted."""
    with writer.logged_act(principal, "access_log.read", using=AUDITOR) as attempt:
        queries.must_review(principal)
        attempt.record()
        with connections[AUDITOR].cursor() as cursor:
            cursor.execute("SELECT unnest(sec.audited_referral_ids(%s))::text", [reference])
            return [UUID(found) for (found,) in cursor.fetchall()]
