"""What a side keeps to itself (T4) and what the network shares (T1); continues read_rules.py.

A rule's docstring is shown on the page for auditors; its last parenthesis names the source.
"""

from permissions.reference import rows as r
from permissions.reference.caller import CASEWORK, Question

OwnSideRow = r.Side | r.Assignment | r.SelfAssignment | r.Note


def sides(asked: Question, row: r.Referral) -> bool:
    """Whether the caller may know that it exists: they are on a side of it, and not barred."""
    return asked.casework and asked.side(row.id) is not None and not asked.is_barred(row.id)


def own_side(asked: Question, row: OwnSideRow) -> bool:
    """Only workers and leads of that side. (34 U.S.C. 12291(b)(2); R2, R7, R12)"""
    mine = asked.casework and row.agency_id == asked.me.agency_id
    return mine and not asked.is_barred(row.referral_id)


def event(asked: Question, row: r.Event) -> bool:
    """Workers and leads, and the agency's own systems, of a side that may know it. An event about a
    block: only members assigned to it and leads, and no one whom it barred. (R2, R12)"""
    mine, lead = asked.me.agency_id, "lead" in asked.me.roles
    barred_her = row.act in ("block", "unblock") and row.about_id == asked.me.member_id
    barred_workers = row.act in ("leads_only", "end_leads_only") and not lead
    known = (row.from_agency_id == mine and row.from_sees) or (
        row.to_agency_id == mine and row.to_sees and not barred_workers
    )
    reserved = row.reserved and not asked.is_answerable_for(row.referral_id)
    told = asked.reads_events and known and not barred_her and not reserved
    return told and not asked.is_barred(row.referral_id)


def release(asked: Question, row: r.Release) -> bool:
    """Members assigned to it and leads: of the agency that recorded it; after the accept, also of
    the agency that it names. (34 U.S.C. 12291(b)(2)(B); 45 CFR 164.508(c); R1, R7)"""
    of = asked.world.referrals.get(row.referral_id)
    taken = row.direction == "outbound" and of is not None and of.accepted_at is not None
    ours = row.from_agency_id == asked.me.agency_id or (
        row.to_agency_id == asked.me.agency_id and taken
    )
    return ours and of is not None and asked.is_answerable_for(of.id) and sides(asked, of)


def paper(asked: Question, row: r.ReleasePaper | r.ReleaseEnd) -> bool:
    """Members assigned to it and leads, of the agency that recorded it. (R2, R7)"""
    mine = row.agency_id == asked.me.agency_id
    return mine and release(asked, asked.world.releases[row.release_id])


def returned(asked: Question, row: r.Returned) -> bool:
    """The sender's members assigned to it and leads see what the survivor allowed to be returned,
    while that release is in force. (34 U.S.C. 12291(b)(2): "requested, utilized, or denied"; R2)"""
    of = asked.world.referrals.get(row.referral_id)
    shown = row.key_bundle is not None and row.expires_at > asked.now
    mine = row.agency_id == asked.me.agency_id and asked.is_answerable_for(row.referral_id)
    return shown and mine and of is not None and sides(asked, of)


def keys(asked: Question, row: r.Grant | r.PrivateKey) -> bool:
    """Members assigned to it see the keys as wrapped for their own agency; for another agency's
    packet, from the accept until the survivor's release ends. (R7, R9)"""
    mine = asked.casework and row.agency_id == asked.me.agency_id
    if isinstance(row, r.Grant) and row.release_id is not None:
        mine = mine and row.opened_at is not None and not row.closed
        mine = mine and row.expires_at is not None and row.expires_at > asked.now
    return mine and asked.assigned(row.referral_id)


def plan(asked: Question, row: r.Plan) -> bool:
    """Members assigned to it, of the agency that sent it. (R2, R7)"""
    of = asked.world.referrals.get(row.referral_id)
    mine = row.agency_id == asked.me.agency_id and asked.assigned(row.referral_id)
    return mine and of is not None and sides(asked, of)


def block(asked: Question, row: r.Block) -> bool:
    """Members assigned to it and leads of the agency that set it; the recipient's leads also see a
    leads-only block. Those whom it bars never see it; a lifted one is not shown. (On the survivor's
    word; R12)"""
    told = row.kind == "leads_only" and row.bars_agency_id == asked.me.agency_id
    mine = row.agency_id == asked.me.agency_id or told
    return (
        asked.casework
        and mine
        and row.lifted_at is None
        and asked.is_answerable_for(row.referral_id)
    )


def call(asked: Question, row: r.CallRecord) -> bool:
    """The member who made the call. (R2, R7)"""
    mine = asked.casework and row.agency_id == asked.me.agency_id
    return mine and row.member_id == asked.me.member_id


def request(asked: Question, row: r.IdempotencyKey) -> bool:
    """The member or client that made the request; of a referral, while they may see referrals.
    (R3)"""
    mine = row.agency_id == asked.me.agency_id and (row.referral_id is None or asked.casework)
    return mine and row.caller_id == (asked.me.client_id or asked.me.member_id)


def colleague(asked: Question, row: r.Membership | r.Editing) -> bool:
    """Members and clients of that agency only: violent partners look for staff lists. (R3)"""
    return row.agency_id == asked.me.agency_id


def reached(asked: Question, row: r.Channel | r.Message) -> bool:
    """Members see their own addresses and numbers and what was sent there; the administrator sees
    the agency's. No system sees them. (R10)"""
    me = asked.me
    owner = row.membership_id if isinstance(row, r.Channel) else row.member_id
    admin = "agency_admin" in me.roles and row.agency_id == me.agency_id
    return me.client_id is None and (owner == me.member_id if owner else admin)


def network(asked: Question, row: r.NetworkEntry | r.Change) -> bool:
    """Members of the network except auditors, and clients with `directory:read`. (34 U.S.C.
    12291(b)(2); R4: never a street)"""
    me = asked.me
    known = me.client_id is None or "directory:read" in me.scopes
    return known and "auditor" not in me.roles


def change(asked: Question, row: r.Change) -> bool:
    """Anyone sees the public lines; the network's members, and clients that read it, all. (R3)"""
    return not row.network or network(asked, row)


def everybody(asked: Question, row: r.Row) -> bool:
    """Anyone. (HSDS; R16)"""
    return True


def address(asked: Question, row: r.Address) -> bool:
    """Workers, leads and directory editors of the agency that entered it; the log records each
    time. (42 U.S.C. 10406(c)(5)(H), about shelters; R4, R11)"""
    me, entry = asked.me, asked.entry
    reads = bool((CASEWORK | {"directory_editor"}) & me.roles) and me.client_id is None
    opened = entry is not None and (entry.act, entry.about) == ("address.open", row.location_id)
    return reads and opened and row.agency_id == me.agency_id
