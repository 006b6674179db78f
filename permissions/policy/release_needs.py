"""What a release of one agency needs: the rows of the consent law that it comes under, laid out for
a system that reads them once (GET /v1/me). The law is in permissions/policy/disclosure.py alone."""

from typing import NamedTuple

from permissions.policy import disclosure
from permissions.policy.disclosure import Row


class Needs(NamedTuple):
    """One row of the law, and what the worker must attest under it: always, in addition by the
    recipient's kind, and in addition by form."""

    direction: str  # outbound, return or notice
    row: Row
    always: tuple[str, ...]
    by_recipient: dict[str, tuple[str, ...]]
    by_form: dict[str, tuple[str, ...]]


def needs_of(duties: frozenset[str], sender_kind: str) -> tuple[Needs, ...]:
    """Every row that an agency of this kind with these duties comes under: for a packet, for what
    it returns to a sender, and for its notices where they need a release."""
    bound = disclosure.notice_needs_release(duties)
    return tuple(
        _needs(row, duties, sender_kind, direction)
        for direction in ("outbound", "return", *(("notice",) if bound else ()))
        for row in disclosure.rows_for(duties, direction)
    )


def _needs(row: Row, duties: frozenset[str], sender_kind: str, direction: str) -> Needs:
    def attested(recipient_kind: str, form: str) -> set[str]:
        return disclosure.attestations_for(row, sender_kind, recipient_kind, form)

    always = attested("", "")
    by_recipient = {
        recipient.kind: tuple(sorted(attested(recipient.kind, "") - always))
        for recipient in disclosure.RECIPIENTS
        if row.basis in disclosure.allowed_bases(duties, recipient.kind, direction)
    }
    by_form = {form: tuple(sorted(attested("", form) - always)) for form in row.forms}
    return Needs(
        direction,
        row,
        tuple(sorted(always)),
        by_recipient,
        {form: more for form, more in by_form.items() if more},
    )
