"""Forgets who was invited and never came: the rows of their invitations, some weeks after the end
(`manage.py worker run`, job `invitations`). The link stays dead: the journal of closings knows it,
so that not even a copy of the row from a backup brings it back."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Q

from permissions.database.aliases import JOBS
from permissions.database.clock import database_now
from permissions.enrollment.invitation_rows import ENDED
from permissions.keys import closings
from permissions.models import Invitation, SealedMessage

KEPT = timedelta(days=30)  # after its end, so that an administrator still sees what became of it
AT_ONCE = 200


def step() -> bool:
    """Delete invitations to join that no one used and that ended 30 days ago. Returns whether there
    may be more. Safe to kill at any point and to run twice at once. Raises Unavailable: nothing was
    deleted."""
    before = database_now(JOBS) - KEPT
    unused = Invitation.objects.using(JOBS).filter(kind="join", used_at=None)
    over = unused.filter(Q(ended_at__lte=before) | Q(expires_at__lte=before))
    found = list(over.order_by("id").values_list("id", flat=True)[:AT_ONCE])
    # The journal first: killed in between, the next step deletes the rows.
    closings.close((one.hex, ENDED) for one in found if closings.least_version(one.hex) < ENDED)
    with transaction.atomic(using=JOBS):
        SealedMessage.objects.using(JOBS).filter(about_id__in=found).delete()
        Invitation.objects.using(JOBS).filter(id__in=found).delete()
    return len(found) == AT_ONCE
