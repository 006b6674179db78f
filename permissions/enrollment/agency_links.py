"""Whether a person comes to an agency by that agency's own sign-in and no other way: known outside
the database, in the journal of closings, so that a deleted row frees no one from it.

An even version of the person's subject is a link, an odd one is none. No query is made.
"""

from uuid import UUID

from django.db import transaction

from permissions.errors import NotPossible
from permissions.keys import closings
from permissions.models import Membership, SignInProvider

_FIRST = 2  # 1 is left out, which the journal forgets in time


def is_linked(person_id: UUID, agency_id: UUID) -> bool:
    """Whether an account at the agency's provider is linked to the person. Raises Unavailable."""
    version = closings.least_version(_subject(person_id, agency_id))
    return version >= _FIRST and version % 2 == 0


def note(person_id: UUID, agency_id: UUID, *, linked: bool) -> None:
    """From the commit of `signin` on, it is linked, or is not. Twice is safe."""
    if is_linked(person_id, agency_id) == linked:
        return
    subject = _subject(person_id, agency_id)
    version = max(closings.least_version(subject), _FIRST - 1) + 1
    version += (version % 2 == 0) != linked
    transaction.on_commit(lambda: closings.close([(subject, version)]), using="signin")


def keep_one_way_in(agency_id: UUID, person_id: UUID) -> None:
    """Raise NotPossible if without this person the agency had no administrator who signs in without
    its own sign-in: if that is lost, one has to switch it off. Raises Unavailable."""
    if not SignInProvider.objects.filter(agency_id=agency_id, active=True).exists():
        return
    live = Membership.objects.using("signin").filter(agency_id=agency_id, live=True)
    heads = set(live.filter(roles__contains=["agency_admin"]).values_list("person_id", flat=True))
    own = {one for one in heads if not is_linked(one, agency_id)}
    if own == {person_id}:
        raise NotPossible(
            "last_own_sign_in",
            "One administrator signs in without your agency's own sign-in, so that someone can"
            " switch it off when it is lost. This is the last one.",
        )


def _subject(person_id: UUID, agency_id: UUID) -> str:
    return closings.subject_of(f"agency sign-in {agency_id}", person_id)
