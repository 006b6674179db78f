"""The survivor's releases of a referral, as a side may read them. They are recorded in
referrals/releases/lifecycle.py."""

from dataclasses import dataclass
from uuid import UUID

from django.db import models

from permissions.audit import writer
from permissions.database.db_identity import identified_transaction
from permissions.errors import NotPermitted, NotVisible
from permissions.policy.rules import require_scope
from permissions.principal import Principal
from referrals.models import READS, Release, ReleaseEnd, ReleasePaper
from referrals.queries.seen import find
from referrals.visible_status import side_of


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """One release as a side is shown it. Its paper and end are included only if the side's own
    agency wrote them."""

    release: Release
    in_force: bool
    paper: ReleasePaper | None
    end: ReleaseEnd | None


def list_releases(principal: Principal, referral_id: UUID) -> list[ReleaseRecord]:
    """Return every release of a referral that the caller's side may know, newest first, including
    ended ones.

    For assigned members and leads of the side; for the recipient from the accept on. One access
    entry. Raises NotVisible, NotPermitted.
    """
    with writer.logged_act(principal, "referral.read_releases", referral_id) as attempt:
        require_scope(principal, READS)
        seen = find(principal, referral_id)
        referral, mine = seen.referral, principal.agency_id
        if not (seen.assigned or principal.has_role("lead")):
            raise NotPermitted("not_assigned", "Releases are shown to assigned members and leads.")
        attempt.record(subject=seen.own.subject if seen.own else None)
        rows = Release.objects.filter(referral=referral)
        if side_of(principal, referral) == "from":
            rows = rows.exclude(direction="return")  # the recipient's paper
        elif referral.accepted_at is None:
            rows = rows.none()
        else:
            rows = rows.exclude(direction="notice")  # the sender's paper
        of = {"release__referral": referral, "agency_id": mine}
        papers = {one.release_id: one for one in ReleasePaper.objects.filter(**of)}
        ended = ReleaseEnd.objects.filter(**of).exclude(revoked_via="narrowed")
        ends = {one.release_id: one for one in ended}
        return [
            ReleaseRecord(
                release,
                not release.ended and release.expires_at > attempt.now,
                papers.get(release.id),
                ends.get(release.id),
            )
            for release in rows.order_by("-created_at", "-id")
        ]


def read_release(principal: Principal, release_id: UUID) -> ReleaseRecord:
    """Return one release by its own id, with the refusals and the access entry of `list_releases`.
    One that the caller may not see is answered as one that does not exist (R3)."""
    with identified_transaction(principal):
        found = Release.objects.filter(id=_visible(release_id)).values_list(
            "referral_id", flat=True
        )
        referral_id = found.first()
    # A referral has no release's id: without one, the answer and its entry are those of a miss.
    kept = list_releases(principal, referral_id or release_id)
    for record in kept:
        if record.release.id == release_id:
            return record
    raise NotVisible


def _visible(release_id: UUID) -> models.Func:
    """The id for a filter, none if the caller may not see its referral, with the same work for
    either (ADR 0071)."""
    asked = models.Value(release_id, output_field=models.UUIDField())
    template = "(SELECT sec.visible_release_id(%(expressions)s))"
    return models.Func(asked, template=template, output_field=models.UUIDField())
