"""Which agency's sign-in a session came by, and which agencies it opens: one that came by an
agency's provider opens that agency alone, and any other way opens every agency but those whose own
sign-in the person is linked to."""

from collections.abc import Sequence
from uuid import UUID

from django.http import HttpRequest

from permissions.agency_sign_in import provider_sessions, providers
from permissions.agency_sign_in.provider_sessions import Standing
from permissions.enrollment import agency_links
from permissions.models import Membership, Person, ProviderSession

KEY = "provider_session"  # in the session: the id of the sign-in by a provider


def session_id_of(request: HttpRequest) -> UUID | None:
    """The sign-in by a provider that this session came by; None: it came by another way."""
    found = request.session.get(KEY)
    return UUID(found) if found else None


def begin(request: HttpRequest, session: ProviderSession) -> None:
    """Let the session have come by this sign-in."""
    request.session[KEY] = session.id.hex


def opened(
    request: HttpRequest, person: Person, members: Sequence[Membership]
) -> tuple[list[Membership], Standing | None]:
    """Those of a person's memberships that this session opens, and the sign-in by a provider that
    it came by. Raises Unavailable."""
    standing = None
    if session_id := session_id_of(request):
        standing = provider_sessions.find(session_id)
        if standing is None or not standing.link.provider.active:
            return [], None
        if standing.link.person_id != person.id:  # left half-way, by someone else at this device
            request.session.pop(KEY)
            standing = None
    if standing is None:
        return [one for one in members if not must_come_by_agency(person, one)], None
    agency_id = standing.link.provider.agency_id
    return [one for one in members if one.agency_id == agency_id], standing


def must_come_by_agency(person: Person, member: Membership) -> bool:
    """Whether the person opens this agency by its sign-in and no other way. Raises Unavailable."""
    if not agency_links.is_linked(person.id, member.agency_id):
        return False
    provider = providers.of_agency(member.agency_id)
    return provider is None or provider.active


def facts(person: Person, agency_id: UUID) -> dict[str, object]:
    """What the own account shows: the user name, whether the person has a password, whether the
    agency has a sign-in that is on, and whether the person is linked there. Raises Unavailable."""
    provider = providers.of_agency(agency_id)
    return {
        "username": person.username,
        "has_password": person.has_usable_password(),
        "agency_sign_in": provider is not None and provider.active,
        "linked": agency_links.is_linked(person.id, agency_id),
    }
