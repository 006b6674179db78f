"""What was given to the other agency under a release, read from the entries of the giver's own log:
for the accounting (referrals/accounting.py), and for the survivor's own page (referrals/slip/)."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from referrals.models import Release

# Acts that may give something to the other agency. If one did, its entry states the purpose.
GIVING = ("referral.send", "referral.put_packet", "referral.put_release")
GIVING_BACK = ("referral.put_return_release",)
# Acts that take back, before the recipient's accept, what is ready for it.
NARROWING, REVOKING = "referral.narrow_release", "referral.revoke_release"


class Line(NamedTuple):
    """Entries of the log: one, or `times` of the same person and act between `first` and `last`."""

    act: str
    times: int
    first: datetime
    last: datetime
    member_id: UUID | None
    client: str | None  # name of the partner system
    purpose: str | None
    fields: list[str] | None
    release_id: UUID | None
    reason: str | None  # if the act asks for one (R7)

    @property
    def gave(self) -> bool:
        return self.act in (*GIVING, *GIVING_BACK) and self.purpose is not None


def given_by_sender(
    lines: Iterable[Line], accepted_at: datetime | None, releases: Mapping[UUID, Release]
) -> list[Line]:
    """Return the lines of what the recipient could open: from its accept on what was ready then,
    and what was given since."""
    if accepted_at is None:
        return []
    lines = list(lines)
    ready = _ready_at_accept(lines, accepted_at, releases)
    since = [line for line in lines if line.gave and line.first > accepted_at]
    return [ready, *since] if ready else since


def _ready_at_accept(
    lines: Iterable[Line], accepted_at: datetime, releases: Mapping[UUID, Release]
) -> Line | None:
    """Return what the recipient could open at its accept: what was given last before it, less what
    was narrowed since. None if either side revoked it or it had expired."""
    ready: Line | None = None
    for line in sorted(lines, key=lambda one: one.first):
        if line.first > accepted_at:
            break
        if line.gave:
            ready = line
        elif line.act in (REVOKING, "referral.put_release"):  # it ended what was open, gave nothing
            ready = None
        elif ready and line.act == NARROWING and line.release_id == ready.release_id:
            left = [name for name in ready.fields or [] if name in (line.fields or [])]
            ready = ready._replace(fields=left)
    release = releases.get(ready.release_id) if ready and ready.release_id else None
    if ready is None or not ready.fields or release is None or release.expires_at <= accepted_at:
        return None
    if release.never_open:  # not by the sender, whose own log says nothing of it
        return None
    taken_back = release.never_opened_fields or ()
    fields = [name for name in ready.fields if name not in taken_back]
    return ready._replace(first=accepted_at, fields=fields) if fields else None
