"""The rules for auditors, about the access log and its seals; continues read_rules.py.

A rule's docstring is shown on the page for auditors; its last parenthesis names the source.
"""

from permissions.reference import rows as r
from permissions.reference.caller import Question


def seal(asked: Question, row: r.Row) -> bool:
    """Auditors, and systems that act as witnesses, see numbers and hashes.
    (45 CFR 164.312(c)(1))"""
    me = asked.me
    return "auditor" in me.roles if me.client_id is None else "audit:read" in me.scopes


def own(asked: Question, row: r.SelfAssignment) -> bool:
    """The agency's auditor sees those of its own people, except on a referral that bars the
    auditor. (45 CFR 164.312(b); R7, R12)"""
    ours = seal(asked, row) and row.agency_id == asked.me.agency_id
    return ours and not asked.is_barred_by_name(row.referral_id)


def log(asked: Question, row: r.AccessEntry) -> bool:
    """The agency's auditor sees the acts of its own people: ids and codes, never any content. An
    oversight agency's auditor sees them while that agency's opt-in is in force, without names or
    handles. Auditors do not see what others did with a referral that bars them as a person.
    (45 CFR 164.312(b), 164.528; R2, R12)"""
    ours = row.agency_id == asked.me.agency_id
    own = (row.member_id or row.client_id) == (asked.me.member_id or asked.me.client_id)
    about = [one for one in (row.referral_id, *(row.referral_ids or ())) if one]
    shown = own or not any(asked.is_barred_by_name(one) for one in about)
    return seal(asked, row) and shown and (ours or (oversees(asked) and opted_in(asked, row)))


def oversees(asked: Question) -> bool:
    """Whether the caller's agency oversees the network."""
    return asked.world.agencies[asked.me.agency_id].kind == "oversight"


def opted_in(asked: Question, row: r.AccessEntry) -> bool:
    """Whether the agency whose people acted now lets the caller's agency read its entries."""
    return any(
        (one.agency_id, one.to_agency_id) == (row.agency_id, asked.me.agency_id)
        and one.withdrawn_at is None
        and one.ends_at > asked.now
        for one in asked.world.opt_ins
    )


def opt_in(asked: Question, row: r.OptIn) -> bool:
    """The agency's auditor, and the auditors of the agency that it was given to.
    (45 CFR 164.312(b))"""
    to_us = row.to_agency_id == asked.me.agency_id and oversees(asked)
    return seal(asked, row) and (row.agency_id == asked.me.agency_id or to_us)


def own_opt_in(asked: Question, row: r.OptIn) -> bool:
    """The agency's administrator, who grants and withdraws it. (R3)"""
    return administers(asked) and row.agency_id == asked.me.agency_id


def administers(asked: Question) -> bool:
    """Whether the caller is an agency_admin, in person."""
    return asked.me.client_id is None and "agency_admin" in asked.me.roles
