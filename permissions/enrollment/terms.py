"""The network's terms: an agency signs them before its people can send or accept.

The text is the operator's file (terms_file.py). A new text asks each agency again; the agency works
on until the day from which it is in force. A network without such a file asks nothing. An agency in
an exercise has signed what the one signed whose people practice in it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q

from permissions.database.clock import database_now
from permissions.enrollment.administration import administered
from permissions.enrollment.terms_file import Terms
from permissions.errors import NotPossible, NotVisible
from permissions.models import Agency, TermsSignature
from permissions.principal import Principal


class Signed(NamedTuple):
    """One signature: which version, by whom, when."""

    version: str
    digest: str
    by: str
    at: datetime


def current() -> Terms | None:
    """The terms that the network asks for, in force or announced; None if it has none."""
    terms: Terms | None = settings.TERMS
    return terms


def sign(principal: Principal, digest: str) -> None:
    """Sign the terms for the caller's agency, as its administrator. `digest` is that of the text
    they have read. Twice is safe. Raises NotPossible (the text is another one now), NotPermitted,
    NotVisible (the network has none), Unavailable."""
    terms = current()
    if terms is None:
        raise NotVisible
    with administered(principal, "agency.sign_terms") as codes:
        if digest != terms.digest:
            raise NotPossible("terms_changed", "The terms have changed. Read them again.")
        assert principal.member_id is not None  # a member in person
        made = TermsSignature(
            agency_id=principal.agency_id,
            version=terms.version,
            digest=terms.digest,
            member_id=principal.member_id,
            signed_at=database_now("signin"),
        )
        TermsSignature.objects.using("signin").bulk_create([made], ignore_conflicts=True)
        codes.append("terms:" + terms.version.replace("-", "_"))  # as the log spells words


def signatures(agency_id: UUID) -> Sequence[Signed]:
    """What the agency has signed, the newest first. Runs as `signin`: the names of members who left
    are among it."""
    kept = TermsSignature.objects.using("signin").filter(agency_id=agency_id)
    found = kept.select_related("member").order_by("-signed_at")
    return [Signed(one.version, one.digest, one.member.name, one.signed_at) for one in found]


def is_due(agency_id: UUID) -> bool:
    """Whether the agency has still to sign the current terms, in force or announced."""
    return current() is not None and not _signed([agency_id])


def require_signed(agency_id: UUID, now: datetime) -> None:
    """Raise NotPossible if terms are in force that this agency has not signed."""
    if not may_work([agency_id], now):
        raise NotPossible(
            "terms_unsigned",
            "Your agency has not signed the network's terms. Your agency_admin signs them at the"
            " desk. Until then, call.",
        )


def may_work(agencies: Iterable[UUID], now: datetime) -> frozenset[UUID]:
    """Those of the agencies that may send and accept: all, if no terms are in force. At most one
    query."""
    terms, asked = current(), frozenset(agencies)
    if terms is None or now < terms.in_force_from or not asked:
        return asked
    return _signed(asked)


def unsigned(using: str) -> Sequence[tuple[UUID, str]]:
    """Id and name of the active agencies that have still to sign, by name."""
    terms = current()
    if terms is None:
        return []
    signed = TermsSignature.objects.using(using).filter(digest=terms.digest)
    rest = Agency.objects.using(using).filter(active=True, exercise=None)
    rest = rest.exclude(id__in=signed.values("agency_id"))
    return list(rest.order_by("name", "id").values_list("id", "name"))


def _signed(agencies: Iterable[UUID]) -> frozenset[UUID]:
    terms = current()
    assert terms is not None
    kept = TermsSignature.objects.filter(
        Q(agency_id=OuterRef("id")) | Q(agency_id=OuterRef("practice_of_id")), digest=terms.digest
    )
    drill = Q(practice_of_id=F("id"))  # no one is there to sign
    signed = Agency.objects.filter(Exists(kept) | drill, id__in=list(agencies))
    return frozenset(signed.values_list("id", flat=True))
