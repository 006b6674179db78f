"""A referral in one request: created, released, packed, numbered and sent, or not there at all.

It adds no rule: each part is the act of the same name, done in one transaction with the others, in
the order in which a person does them, with its own access entry and its own event.
"""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from uuid import UUID

from permissions.audit import writer
from permissions.database.clock import database_now
from permissions.errors import pointing
from permissions.principal import Principal
from referrals import idempotency
from referrals.acts import private_records, sender
from referrals.notices import Notice
from referrals.packets import packet
from referrals.queries import details
from referrals.queries.details import Detail
from referrals.releases import lifecycle, notice_release
from referrals.releases.terms import Terms


@dataclass(frozen=True, slots=True)
class Parts:
    """What a new referral has at once. None: not part of the request."""

    notice_release: Terms | None = None  # put_notice_release; its fields are empty
    release: Terms | None = None  # put_release
    packet: Mapping[str, str] | None = None  # put_packet: at most 4000 characters a field
    external_ref: str | None = None  # set_external_ref: 1 to 100 characters
    agreement: str | None = None  # send: a code of `agreement`

    @property
    def are_any(self) -> bool:
        """Whether the request is for more than a draft."""
        return self != Parts()


def create_with_parts(
    principal: Principal,
    service_id: UUID,
    notice: Notice,
    parts: Parts,
    *,
    replaces: UUID | None = None,
    recipient: UUID | None = None,
    key: idempotency.Key | None = None,
) -> Detail:
    """Create a referral and do each act that `parts` names, all in one transaction: all or nothing.

    `recipient`: the agency that must be the one that answers for the service; None: whichever does.

    With an Idempotency-Key twice is safe: it returns the same referral as it is now, and does
    nothing. Raises what the acts raise; the pointer of a part's refusal begins with the part.
    """
    _check(principal, parts)
    with writer.acts_in_one_transaction(principal) if parts.are_any else nullcontext():
        made = sender.create_once(
            principal, service_id, notice, replaces=replaces, recipient=recipient, key=key
        )
        if made.repeated or not parts.are_any:
            return made.shown
        referral_id = made.shown.referral.id
        _add(principal, referral_id, parts)
        return details.load_detail(principal, referral_id, database_now("default"))


def _check(principal: Principal, parts: Parts) -> None:
    """Check what depends on no row, before anything is begun. Raises BadRequest."""
    if parts.packet is not None:
        with pointing("/packet", instead_of="/packet"):
            packet.checked_fields(principal, parts.packet)
    if parts.external_ref is not None:
        with pointing("/external_ref", instead_of="/ref"):
            private_records.checked_external_ref(principal, parts.external_ref)


def _add(principal: Principal, referral_id: UUID, parts: Parts) -> None:
    if parts.notice_release is not None:
        with pointing("/notice_release"):
            notice_release.put_notice_release(principal, referral_id, parts.notice_release)
    if parts.release is not None:
        with pointing("/release"):
            lifecycle.put_release(principal, referral_id, parts.release)
    if parts.packet is not None:
        with pointing("/packet", instead_of="/packet"):
            packet.put_packet(principal, referral_id, parts.packet)
    if parts.external_ref is not None:
        with pointing("/external_ref", instead_of="/ref"):
            private_records.set_external_ref(principal, referral_id, parts.external_ref)
    if parts.agreement is not None:
        with pointing("/send"):
            sender.send(principal, referral_id, parts.agreement)
