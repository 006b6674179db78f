"""Whether a sign-in by an agency's provider still stands. Who is ended at the provider is ended
here: at once by the provider's message, else within five minutes, by asking it.

While a provider does not answer, a person with a passkey here works on for twelve hours from the
last time it did; anyone else waits. The agency's leads are notified once an outage.
"""

from datetime import timedelta
from enum import Enum
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.db import transaction

from api.agency_sign_in import provider_client
from api.agency_sign_in.provider_client import Away, Denied
from api.agency_sign_in.tokens import BadToken
from permissions.agency_sign_in import provider_sessions, providers
from permissions.agency_sign_in.provider_sessions import Standing
from permissions.identity import credentials, own_account, row_macs
from permissions.models import Membership, SignInLink, SignInProvider
from referrals.notifications.account_messages import tell_person

ASK_AFTER = timedelta(minutes=4)
WITHOUT_WORD = timedelta(minutes=5)  # of a provider that gives Cairn nothing to ask by
WHILE_AWAY = timedelta(hours=12)  # with a passkey here


class Verdict(Enum):
    GOOD = "good"
    ENDED = "ended"
    WAITS = "waits"  # the provider is away, and the person has no passkey here


def verdict(session_id: UUID) -> Verdict:
    """Whether the sign-in stands, asking the provider if it has said nothing for four minutes.
    Raises Unavailable."""
    standing = provider_sessions.find(session_id)
    if standing is None:
        return Verdict.ENDED
    if standing.silent_for < ASK_AFTER:
        return Verdict.GOOD
    with transaction.atomic(using="signin"):
        standing = provider_sessions.lock(session_id)  # another request may have asked meanwhile
        if standing is None:
            return Verdict.ENDED
        if standing.silent_for < ASK_AFTER:
            return Verdict.GOOD
        return _asked(standing)


def _asked(standing: Standing) -> Verdict:
    provider: SignInProvider = standing.link.provider
    row_macs.require_bound(provider, standing.link)
    if not provider.active:
        return _end(standing)
    if standing.refresh_token is None:
        return Verdict.GOOD if standing.silent_for < WITHOUT_WORD else _end(standing)
    try:
        given = provider_client.refresh(provider, standing.refresh_token)
    except (Denied, BadToken):
        return _end(standing)
    except Away as error:
        if error.code != provider_client.RESTS:
            note_away(provider)
        if standing.silent_for < WITHOUT_WORD:
            return Verdict.GOOD
        works_on = standing.silent_for < WHILE_AWAY and _has_passkey(standing.link)
        return Verdict.GOOD if works_on else Verdict.WAITS
    if given.account is not None:
        said = provider_sessions.subject_hash(provider, given.account.subject)
        if said != standing.link.subject:
            return _end(standing)
    provider_sessions.note_good(standing, given.refresh_token)
    providers.note_back(provider)
    return Verdict.GOOD


def _end(standing: Standing) -> Verdict:
    end(standing.link, [standing.session.id])
    return Verdict.ENDED


def end(link: SignInLink, session_ids: list[UUID]) -> None:
    """End sign-ins of an account on the provider's word, with the entry. Raises Unavailable."""
    with transaction.atomic(using="signin"):
        provider_sessions.end(session_ids)
        agency_id = link.provider.agency_id
        members = Membership.objects.using("signin").filter(agency_id=agency_id)
        member = members.filter(person_id=link.person_id).first()
        credentials.log_sign_in(
            "session.end_by_agency",
            agency_id=agency_id,
            member_id=member.id if member else None,
        )


def note_away(provider: SignInProvider) -> None:
    """The provider does not answer: tell the agency's leads, once an outage."""
    with transaction.atomic(using="signin"):
        if providers.note_away(provider):
            for person_id in providers.leads_of(provider.agency_id):
                tell_person(person_id, "sign_in_away")


def _has_passkey(link: SignInLink) -> bool:
    kinds = {one.type for one in own_account.factors_of(link.person)}
    return Authenticator.Type.WEBAUTHN in kinds
