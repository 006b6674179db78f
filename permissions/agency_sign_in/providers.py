"""An agency's own OpenID provider: its administrator sets it up, tests it, switches it on and off,
and removes it, at the desk. Each change is one transaction with its access entry.

The row has a MAC and a version (permissions/identity/row_macs.py): no writer of the database names
a provider of their own, nor brings back one that was switched off or removed.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from permissions.agency_sign_in import links
from permissions.audit import writer
from permissions.database.advisory_locks import lock_agency
from permissions.database.clock import database_now
from permissions.enrollment import agency_links
from permissions.enrollment.administration import administered, code_of
from permissions.errors import NotPossible, NotVisible
from permissions.identity import row_macs
from permissions.keys.derived_keys import derived_key
from permissions.keys.keystore import seal, unseal
from permissions.models import Membership, SignInProvider
from permissions.policy.rules import require_administrator
from permissions.principal import Principal

CODE_DIGITS = 8
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is read for another
MOST_ISSUER, MOST_CLIENT_ID, MOST_SECRET = 400, 255, 500  # characters


class Overview(NamedTuple):
    """An agency's provider, and its members whose account there is linked."""

    provider: SignInProvider | None
    linked: list[Membership]


def of_agency(agency_id: UUID) -> SignInProvider | None:
    """The agency's provider as this server wrote it, on or off; None: it has none. Raises
    Unavailable (`binding`) for a row that this server did not write."""
    return _bound(SignInProvider.objects.filter(agency_id=agency_id).first())


def by_code(code: str) -> SignInProvider | None:
    """The provider that is on and has this code in its address. Raises Unavailable, as above."""
    found = _bound(SignInProvider.objects.filter(code=code).select_related("agency").first())
    return found if found and found.active and found.agency.active else None


def by_id(provider_id: UUID) -> SignInProvider | None:
    """The provider with this id, on or off. Raises Unavailable, as above."""
    return _bound(SignInProvider.objects.filter(id=provider_id).select_related("agency").first())


def _bound(found: SignInProvider | None) -> SignInProvider | None:
    if found is not None:
        row_macs.require_bound(found)
    return found


def secret_of(provider: SignInProvider) -> str:
    """The secret that the agency was given at its provider. Raises Unavailable."""
    sealed = bytes.fromhex(provider.sealed_secret)
    return unseal(_key(), sealed, _context(provider)).decode()


def overview(principal: Principal) -> Overview:
    """What the agency's administrator sees. Writes one access entry. Raises NotPermitted."""
    with writer.logged_act(principal, "provider.read") as attempt:
        require_administrator(principal)
        attempt.record()
    found = of_agency(principal.agency_id)
    members = Membership.objects.using("signin").filter(agency_id=principal.agency_id)
    linked = [
        one
        for one in members.order_by("name", "id")
        if agency_links.is_linked(one.person_id, one.agency_id)
    ]
    return Overview(found, linked)


# -- Changes ---------------------------------------------------------------------------------------


def set_up(principal: Principal, issuer: str, client_id: str, secret: str) -> SignInProvider:
    """Give the agency a provider, which is off until it was tested. Raises NotPossible (it has
    one), NotPermitted, Unavailable."""
    with administered(principal, "provider.set") as codes:
        lock_agency(principal.agency_id, "signin")
        if SignInProvider.objects.filter(agency_id=principal.agency_id).exists():
            raise NotPossible("provider_there", "Your agency has a sign-in. Remove it first.")
        code = "".join(secrets.choice(_LETTERS) for _ in range(CODE_DIGITS))
        made = SignInProvider(
            agency_id=principal.agency_id, code=code, issuer=issuer, client_id=client_id
        )
        made.sealed_secret = _sealed(made, secret)
        made.save(using="signin", force_insert=True)
        codes.append(code_of("provider", made.id))
    return made


def change_secret(principal: Principal, client_id: str, secret: str) -> None:
    """Replace what the agency was given at its provider. Open sign-ins go on with it. Raises
    NotVisible, NotPermitted, Unavailable."""
    with administered(principal, "provider.set") as codes:
        with _changing(principal.agency_id) as provider:
            provider.client_id = client_id
            provider.sealed_secret = _sealed(provider, secret)
        codes.append(code_of("provider", provider.id))


def record_test(principal: Principal, provider_id: UUID, gives_refresh: bool) -> None:
    """The provider passed a test just now. `gives_refresh`: it lets Cairn ask whether a person may
    still sign in. Raises NotVisible (another provider now), NotPermitted, Unavailable."""
    with administered(principal, "provider.test") as codes:
        with _changing(principal.agency_id) as provider:
            if provider.id != provider_id:
                raise NotVisible
            provider.tested, provider.gives_refresh = True, gives_refresh
        codes.append("gives_refresh" if gives_refresh else "no_refresh")


def switch_on(principal: Principal) -> None:
    """Let the agency's people sign in by it. Twice is safe. Raises NotPossible (not tested),
    NotVisible, NotPermitted, Unavailable."""
    with administered(principal, "provider.switch_on") as codes:
        with _changing(principal.agency_id) as provider:
            if not provider.tested:
                raise NotPossible("provider_not_tested", "Test the sign-in first.")
            provider.active = True
        codes.append(code_of("provider", provider.id))


def switch_off(principal: Principal) -> None:
    """Let no one sign in by it any more, and end every sign-in that came by it. Those who are
    linked sign in by what is their own. Twice is safe. Raises NotVisible, NotPermitted,
    Unavailable."""
    with administered(principal, "provider.switch_off") as codes:
        with _changing(principal.agency_id) as provider:
            provider.active = False
            links.end_sessions_of(provider)
        codes.append(code_of("provider", provider.id))


def remove(principal: Principal) -> None:
    """The same for good: every account is unlinked. Raises NotVisible, NotPermitted,
    Unavailable."""
    with administered(principal, "provider.remove") as codes:
        with _changing(principal.agency_id) as provider:
            provider.active = False
            links.end_all(provider)
        codes.append(code_of("provider", provider.id))
        provider.delete(using="signin")


def unlink(principal: Principal, member_id: UUID) -> None:
    """Unlink a member's account, and end their sign-ins by it: they sign in by what is their own,
    or link another account. Twice is safe. Raises NotVisible, NotPermitted, Unavailable."""
    with administered(principal, "provider.unlink") as codes:
        lock_agency(principal.agency_id, "signin")
        members = Membership.objects.using("signin").filter(agency_id=principal.agency_id)
        member = members.filter(id=member_id).first()
        if member is None:
            raise NotVisible
        links.end_of_person(member.person_id, principal.agency_id)
        codes.append(code_of("member", member.id))


@contextmanager
def _changing(agency_id: UUID) -> Iterator[SignInProvider]:
    """The agency's provider, in the open transaction of `signin`. A change closes what was
    before."""
    lock_agency(agency_id, "signin")
    provider = of_agency(agency_id)
    if provider is None:
        raise NotVisible
    yield provider
    provider.save(using="signin")
    row_macs.sign(provider, "signin", closing=True)


# -- An outage -------------------------------------------------------------------------------------


def note_away(provider: SignInProvider) -> bool:
    """The provider does not answer. Returns whether that is new, so that its leads are notified
    once an outage, in the caller's transaction of `signin`."""
    rows = SignInProvider.objects.using("signin").filter(id=provider.id, away_since=None)
    return bool(rows.update(away_since=database_now("signin")))


def note_back(provider: SignInProvider) -> None:
    """It answers again. Twice is safe."""
    if provider.away_since is not None:
        SignInProvider.objects.using("signin").filter(id=provider.id).update(away_since=None)


def away_since(agency_id: UUID) -> datetime | None:
    """Since when the agency's provider does not answer; None: it answers, or there is none."""
    found = SignInProvider.objects.filter(agency_id=agency_id, active=True)
    since: datetime | None = found.values_list("away_since", flat=True).first()
    return since


def leads_of(agency_id: UUID) -> list[UUID]:
    """The persons who are notified of an outage: the agency's leads and administrators."""
    live = Membership.objects.using("signin").filter(agency_id=agency_id, live=True)
    found = live.filter(roles__overlap=["lead", "agency_admin"])
    return sorted(found.values_list("person_id", flat=True))


def _sealed(provider: SignInProvider, secret: str) -> str:
    return seal(_key(), secret.encode(), _context(provider)).hex()


def _key() -> bytes:
    return derived_key("provider secret")


def _context(provider: SignInProvider) -> str:
    return f"provider secret {provider.id}"
