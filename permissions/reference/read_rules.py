"""Who sees what: the one rule that Cairn is built on (docs/rules.md), as a pure function.

    live principal, active agency and membership, no block, and (its own agency wrote it, and it
    is not purged; or a live grant for the agency, release in force, field in the grant), and
    (member assigned; or a system of record with packets:read, naming its acting member), and a
    purpose of use stated

The database states the same rule as row-level security (permissions/sql, referrals/sql); tests
compare the two over random worlds (tests/policy/test_reference_model.py). docs/rules.md defines T0
to T5 and R1 to R16. A rule's docstring is shown on the page for auditors; its last parenthesis
names the source. What no rule allows is refused.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from permissions.audit import actions
from permissions.reference import auditor_rules, side_rules
from permissions.reference import rows as r
from permissions.reference import world as w
from permissions.reference.caller import Question, live_caller

NEVER_SERVED: dict[type[r.Row], set[str]] = {
    r.Referral: {"has_block", "to_purged"},  # blocks and purges stay secret (R2, R12)
    r.Side: {"has_block", "asked_at", "before_accept"},
    r.Grant: {"settled"},  # what the purge found
    r.Block: {"alert", "told"},  # who else learns of a block (R12)
    r.WebhookSecret: {"agency_id", "kek_version", "key_bundle"},  # shown once, and never again
    r.WebhookDelivery: {"referral_id"},
    r.Message: {"cause", "referral_id", "reference", *r.HOW_SENT},  # what the message is about
}


def can_see(world: w.World, principal: w.Principal, row: r.Row, field: str, now: datetime) -> bool:
    """Whether `principal` may read the column `field` of `row` at `now`."""
    me = live_caller(world, principal, now)
    if me is None:
        public = isinstance(row, r.Change) and not row.network
        return principal.role == "app" and (public or isinstance(row, r.Published))
    rule = (SEES if principal.role == "app" else AUDITOR_SEES).get(type(row))
    asked = Question(me, world, principal.entry, now)
    served = field not in NEVER_SERVED.get(type(row), ())
    return rule is not None and served and rule(asked, row)


def packet(asked: Question, row: r.PacketField) -> bool:
    """Members assigned to it: of the agency that wrote it; after the accept, also of the one agency
    that the survivor's release names, the fields that it lists, while it is in force. A partner
    system only as system of record, naming the member. The log records each time, with a purpose.
    (34 U.S.C. 12291(b)(2); 28 CFR 94.115; 45 CFR 164.508, 164.512(c); R1, R7, R11, R13, R14, R15)
    """
    ours = asked.side(row.referral_id) == "from" and row.from_agency_id == asked.me.agency_id
    return (
        opens(asked, row.referral_id, "referral.open_packet")
        and (ours or granted(asked, row))
        and asked.agreed(row.referral_id)
        and asked.entry is not None
        and row.field in asked.entry.fields
    )


def granted(asked: Question, row: r.PacketField) -> bool:
    """The agency has a live grant with this field, and the survivor's release is in force."""
    now, me, world = asked.now, asked.me, asked.world
    stopped = any(
        (one.referral_id, one.agency_id, one.state) == (row.referral_id, me.agency_id, "stopped")
        for one in world.sides
    )
    return asked.side(row.referral_id) == "to" and not stopped and any(
        (grant.referral_id, grant.agency_id) == (row.referral_id, me.agency_id)
        and grant.opened_at is not None  # by the accept
        and not grant.closed
        and grant.key_bundle is not None  # revoking destroys it
        and grant.expires_at is not None
        and grant.expires_at > now
        and row.field in grant.fields
        and grant.release_id is not None
        and not (release := world.releases[grant.release_id]).ended
        and release.expires_at > now
        for grant in world.grants
    )  # fmt: skip


def note(asked: Question, row: r.Note) -> bool:
    """Members assigned to it, of the agency that wrote them. The log records each time, with a
    purpose. (34 U.S.C. 12291(b)(2); Mont. Code 26-1-812; R2, R7, R11, R13, R15)"""
    return side_rules.own_side(asked, row) and opens(asked, row.referral_id, "referral.open_notes")


def opens(asked: Question, referral: UUID, act: str) -> bool:
    """The conditions that a packet and a note have in common."""
    me, entry = asked.me, asked.entry
    return (
        asked.named
        and (me.client_id is None or ("packets:read" in me.scopes and me.system_of_record))
        and asked.assigned(referral)  # and no block
        and asked.side(referral) is not None
        and entry is not None
        and (entry.act, entry.about) == (act, referral)
        and entry.purpose in actions.uses()
    )


def notice(asked: Question, row: r.Referral) -> bool:
    """Only workers and leads of the agency that sent it and, once it is sent, of the agency that it
    was sent to, each until its own part is purged. The sender is shown its state as in the table
    below, no finer. (34 U.S.C. 12291(b)(2): no identity in it; R1, R2, R3, R12, R13)"""
    return side_rules.sides(asked, row)


def webhook(asked: Question, row: r.Webhook | r.WebhookSecret | r.WebhookDelivery) -> bool:
    """The agency's administrator, and its systems that manage webhooks; a webhook of checkpoints,
    only those that read the log. (R3, R10)"""
    of = row if isinstance(row, r.Webhook) else asked.world.webhooks[row.endpoint_id]
    shown = of.about != "checkpoints" or auditor_rules.seal(asked, row)
    return shown and asked.manages_webhooks and of.agency_id == asked.me.agency_id


SEES: dict[type[r.Row], Callable[..., bool]] = {
    r.Published: side_rules.everybody,
    r.NetworkEntry: side_rules.network,
    r.Change: side_rules.change,
    r.Referral: notice,
    r.PacketField: packet,
    r.Release: side_rules.release,
    r.Note: note,
    **dict.fromkeys((r.Side, r.Assignment, r.SelfAssignment), side_rules.own_side),
    r.Block: side_rules.block,
    r.Plan: side_rules.plan,
    r.Event: side_rules.event,
    **dict.fromkeys((r.ReleasePaper, r.ReleaseEnd), side_rules.paper),
    r.Returned: side_rules.returned,
    **dict.fromkeys((r.Grant, r.PrivateKey), side_rules.keys),
    r.CallRecord: side_rules.call,
    r.IdempotencyKey: side_rules.request,
    **dict.fromkeys((r.Membership, r.Editing), side_rules.colleague),
    **dict.fromkeys((r.Channel, r.Message), side_rules.reached),
    **dict.fromkeys((r.Webhook, r.WebhookSecret, r.WebhookDelivery), webhook),
    r.Address: side_rules.address,
    r.OptIn: auditor_rules.own_opt_in,
}
AUDITOR_SEES: dict[type[r.Row], Callable[..., bool]] = {
    r.AccessEntry: auditor_rules.log,
    r.Checkpoint: auditor_rules.seal,
    r.SelfAssignment: auditor_rules.own,
    r.OptIn: auditor_rules.opt_in,
    r.Membership: side_rules.colleague,
}
