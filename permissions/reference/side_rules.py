"""What a side keeps to itself (T4) and what the network shares (T1): more of read_rules.py.

A rule's text is what the page for auditors says; its last bracket is where it comes from.
"""

from permissions.reference import world as w
from permissions.reference.caller import CASEWORK, Question

OwnSideRow = w.Side | w.Assignment | w.SelfAssignment | w.Note


def sides(asked: Question, row: w.Referral) -> bool:
    """Whether she may know that it is there: a side of it, and not barred from it."""
    return asked.casework and asked.side(row.id) is not None and not asked.is_barred(row.id)


def own_side(asked: Question, row: OwnSideRow) -> bool:
    """Workers and leads of that side alone. (34 U.S.C. 12291(b)(2); R2, R7, R12)"""
    mine = asked.casework and row.agency_id == asked.me.agency_id
    return mine and not asked.is_barred(row.referral_id)


def event(asked: Question, row: w.Event) -> bool:
    """Workers and leads, and the agency's own systems, of the side or sides that may know it; what
    is about a block, members assigned to it and leads alone, and nobody whom it barred. (R2, R12)
    """
    mine, lead = asked.me.agency_id, "lead" in asked.me.roles
    barred_her = row.act in ("block", "unblock") and row.about_id == asked.me.member_id
    barred_workers = row.act in ("leads_only", "end_leads_only") and not lead
    known = (row.from_agency_id == mine and row.from_sees) or (
        row.to_agency_id == mine and row.to_sees and not barred_workers
    )
    reserved = row.reserved and not asked.is_answerable_for(row.referral_id)
    told = asked.reads_events and known and not barred_her and not reserved
    return told and not asked.is_barred(row.referral_id)


def release(asked: Question, row: w.Release) -> bool:
    """Members assigned to it and leads: of the agency that recorded it; from the accept on, of the
    agency that it names. (34 U.S.C. 12291(b)(2)(B); 45 CFR 164.508(c); R1, R7)"""
    of = asked.world.referrals.get(row.referral_id)
    taken = row.direction == "outbound" and of is not None and of.accepted_at is not None
    ours = row.from_agency_id == asked.me.agency_id or (
        row.to_agency_id == asked.me.agency_id and taken
    )
    return ours and of is not None and asked.is_answerable_for(of.id) and sides(asked, of)


def paper(asked: Question, row: w.ReleasePaper | w.ReleaseEnd) -> bool:
    """Members assigned to it and leads, of the agency that recorded it. (R2, R7)"""
    mine = row.agency_id == asked.me.agency_id
    return mine and release(asked, asked.world.releases[row.release_id])


def returned(asked: Question, row: w.Returned) -> bool:
    """The sender's members assigned to it and leads, what she allowed to be told, while her return
    release is in force. (34 U.S.C. 12291(b)(2): "requested, utilized, or denied"; R2)"""
    of = asked.world.referrals.get(row.referral_id)
    shown = row.key_bundle is not None and row.expires_at > asked.now
    mine = row.agency_id == asked.me.agency_id and asked.is_answerable_for(row.referral_id)
    return shown and mine and of is not None and sides(asked, of)


def keys(asked: Question, row: w.Grant | w.PrivateKey) -> bool:
    """Members assigned to it, the keys as wrapped for their own agency; of another's packet from
    the accept on, until her release ends. (R7, R9)"""
    mine = asked.casework and row.agency_id == asked.me.agency_id
    if isinstance(row, w.Grant) and row.release_id is not None:
        mine = mine and row.opened_at is not None and not row.closed
        mine = mine and row.expires_at is not None and row.expires_at > asked.now
    return mine and asked.assigned(row.referral_id)


def plan(asked: Question, row: w.Plan) -> bool:
    """Members assigned to it, of the agency that sent it. (R2, R7)"""
    of = asked.world.referrals.get(row.referral_id)
    mine = row.agency_id == asked.me.agency_id and asked.assigned(row.referral_id)
    return mine and of is not None and sides(asked, of)


def block(asked: Question, row: w.Block) -> bool:
    """Members assigned to it and leads of the agency that set it; that only leads may is known to
    the recipient's leads. Whom it bars, never, nor what is lifted. (On the survivor's word; R12)
    """
    told = row.kind == "leads_only" and row.bars_agency_id == asked.me.agency_id
    mine = row.agency_id == asked.me.agency_id or told
    return (
        asked.casework
        and mine
        and row.lifted_at is None
        and asked.is_answerable_for(row.referral_id)
    )


def tally(asked: Question, row: w.Tally) -> bool:
    """Workers and leads, their own agency's counts. (R14)"""
    return asked.casework and row.agency_id == asked.me.agency_id


def call(asked: Question, row: w.CallRecord) -> bool:
    """The member who rang. (R2, R7)"""
    mine = asked.casework and row.agency_id == asked.me.agency_id
    return mine and row.member_id == asked.me.member_id


def request(asked: Question, row: w.IdempotencyKey) -> bool:
    """Whoever made the request. (R3)"""
    mine = asked.casework and row.agency_id == asked.me.agency_id
    return mine and row.caller_id == (asked.me.client_id or asked.me.member_id)


def colleague(asked: Question, row: w.Membership | w.Editing) -> bool:
    """Members and clients of that agency: a staff list is what a violent partner wants. (R3)"""
    return row.agency_id == asked.me.agency_id


def reached(asked: Question, row: w.Channel | w.Message) -> bool:
    """Of a member's own numbers and what was sent there: she herself. Of the agency's: its
    administrator. No system. (R10)"""
    me = asked.me
    owner = row.membership_id if isinstance(row, w.Channel) else row.member_id
    admin = "agency_admin" in me.roles and row.agency_id == me.agency_id
    return me.client_id is None and (owner == me.member_id if owner else admin)


def network(asked: Question, row: w.NetworkEntry | w.Change) -> bool:
    """Members of the network, but no auditors, and clients with `directory:read`. (34 U.S.C.
    12291(b)(2); R4: never a street)"""
    me = asked.me
    known = me.client_id is None or "directory:read" in me.scopes
    return known and "auditor" not in me.roles


def change(asked: Question, row: w.Change) -> bool:
    """The public's lines: anybody. The network's: its members, and clients that read it. (R3)"""
    return not row.network or network(asked, row)


def everybody(asked: Question, row: w.Row) -> bool:
    """Anybody. (HSDS; R16)"""
    return True


def address(asked: Question, row: w.Address) -> bool:
    """Workers, leads and directory editors of the agency that put it, each time in the log.
    (42 U.S.C. 10406(c)(5)(H), of shelters; R4, R11)"""
    me, entry = asked.me, asked.entry
    reads = bool((CASEWORK | {"directory_editor"}) & me.roles) and me.client_id is None
    opened = entry is not None and (entry.act, entry.about) == ("address.open", row.location_id)
    return reads and opened and row.agency_id == me.agency_id
