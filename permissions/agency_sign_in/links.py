"""Accounts at an agency's provider, linked to the person whose they are: by issuer and sub, and
never by a mail address.

A link is made by an invited person as they join, or by a signed-in member who proved just now who
they are. From then on that person comes to that agency by its sign-in and no other way, and their
own second factor is asked for as before. What the provider says of roles or groups is not read.
"""

from uuid import UUID

from django.db import IntegrityError, transaction

from permissions.agency_sign_in import provider_sessions
from permissions.database.advisory_locks import lock_agency
from permissions.enrollment import agency_links, invitations
from permissions.errors import NotPossible
from permissions.identity import row_macs
from permissions.keys import closings
from permissions.models import Person, ProviderSession, SignInLink, SignInProvider


def find(provider: SignInProvider, subject: str) -> SignInLink | None:
    """The account with this sub at this provider, if it is linked. Raises Unavailable (`binding`)
    for a link that this server did not make."""
    hashed = provider_sessions.subject_hash(provider, subject)
    rows = SignInLink.objects.using("signin").select_related("person", "provider")
    found: SignInLink | None = rows.filter(provider=provider, subject=hashed).first()
    if found is None:
        return None
    row_macs.require_bound(found)
    return found if agency_links.is_linked(found.person_id, provider.agency_id) else None


def make(
    provider: SignInProvider, person: Person, subject: str, sid: str, refresh_token: str | None
) -> ProviderSession:
    """Link the account to the person, in place of an earlier one, in the open transaction of
    `signin`, and begin a sign-in by it.

    Raises NotPossible (another person's account; the provider is off; the agency's last
    administrator who signs in without it), Unavailable.
    """
    lock_agency(provider.agency_id, "signin")
    row_macs.require_bound(provider, person)
    if not provider.active:
        raise NotPossible("provider_off", "Your agency's sign-in is switched off.")
    agency_links.keep_one_way_in(provider.agency_id, person.id)
    _end_rows(person.id, provider.agency_id)
    link = SignInLink(
        provider=provider,
        person=person,
        subject=provider_sessions.subject_hash(provider, subject),
    )
    try:
        with transaction.atomic(using="signin"):
            link.save(using="signin", force_insert=True)
    except IntegrityError:
        raise NotPossible("account_linked", "This account is linked to someone else.") from None
    agency_links.note(person.id, provider.agency_id, linked=True)
    return provider_sessions.begin(link, sid, refresh_token)


def enroll(
    secret: str,
    username: str,
    provider: SignInProvider,
    subject: str,
    sid: str,
    refresh_token: str | None,
) -> tuple[Person, ProviderSession]:
    """Make the person who comes by this invitation and signed in at the agency's provider. They
    have no password. Raises as invitations.enroll and `make` do."""
    with transaction.atomic(using="signin"):
        person = invitations.enroll(secret, username, None)
        return person, make(provider, person, subject, sid, refresh_token)


def end_all(provider: SignInProvider) -> None:
    """Unlink every account at this provider for good, in the open transaction of `signin`. Raises
    Unavailable."""
    for one in SignInLink.objects.using("signin").filter(provider=provider):
        _end(one)
        agency_links.note(one.person_id, provider.agency_id, linked=False)


def end_of_person(person_id: UUID, agency_id: UUID) -> None:
    """The same, of the account that a person has at an agency's provider, if any. Twice is safe."""
    _end_rows(person_id, agency_id)
    agency_links.note(person_id, agency_id, linked=False)


def _end_rows(person_id: UUID, agency_id: UUID) -> None:
    rows = SignInLink.objects.using("signin")
    for one in rows.filter(person_id=person_id, provider__agency_id=agency_id):
        _end(one)


def _end(link: SignInLink) -> None:
    """End the sign-ins by this account, and delete the row: no copy of it is accepted again, since
    its MAC is of version 1."""
    provider_sessions.end_of_link(link)
    subject = link.id.hex, 2
    transaction.on_commit(lambda: closings.close([subject]), using="signin")
    SignInLink.objects.using("signin").filter(id=link.id).delete()


def end_sessions_of(provider: SignInProvider) -> None:
    """End every sign-in by this provider. Raises Unavailable."""
    rows = ProviderSession.objects.using("signin").filter(link__provider=provider, ended_at=None)
    provider_sessions.end([one.id for one in rows])
