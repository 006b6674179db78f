"""What a principal may write directly, row by row, as the role `app`: the counterpart of can_see.

A caller cannot write in a colleague's name, nor for a referral that they cannot see. What needs
more than the writer's own rows (a grant, an assignment, a block, a holder) is written by database
functions that check the right (referrals/sql). Only purge deletes anything (R13).
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from permissions.reference import auditor_rules, read_rules, side_rules
from permissions.reference import rows as r
from permissions.reference import world as w
from permissions.reference.caller import Question, live_caller

# The columns that may ever be changed; never who refers whom, or when it began.
NOTICE = {
    *("urgency", "needs", "callback", "concern", "age_band", "household_size", "language"),
    *("interpreter", "access_needs", "wanted", "with_worker_until", "survivor_can_talk_now"),
    "interpreter_not_local",
}
CHANGEABLE: dict[type[r.Row], set[str]] = {
    r.Referral: NOTICE
    | {"status", "version", "sent_at", "acknowledged_at", "accepted_at", "ended_at", "ack_by"}
    | {"accept_by", "expires_at", "code", "suggested_service_id", "release_ended", "agreement"}
    | {"handoff_within", "from_asks_ring_at", "to_asks_ring_at"},
    r.Side: {"state", "handoff_by", "escalated_at", "called_at", "remind_at", "version"},
    r.Release: {"ended"},
    r.Grant: {"fields", "kek_version", "key_bundle"},
    r.Plan: {"services"},
    r.Membership: {"duty"},
    r.Channel: {"language", "position", "test_asked_at", "test_outcome"},
    r.Message: {"state", "tries", "due_at", "outcome", "done_at"},
    r.Webhook: {"url", "paused", "stopped", "at_xact", "at_event", "tries", "failing_since"}
    | {"next_at", "ping_id", "lease", "leased_until", "removed_at"},
    r.WebhookSecret: {"ends_at"},
    r.OptIn: {"withdrawn_at"},
}
# The columns that only the database sets: the flags for a block and a purge, the time and the seal
# of an entry.
DATABASES_OWN: dict[type[r.Row], set[str]] = {
    r.Referral: {"has_block", "to_purged"},
    r.Side: {"has_block", "asked_at", "before_accept"},
    r.Grant: {"settled"},
    r.AccessEntry: {"at", "xact", "leaf"},
    r.Channel: {"created_at", "test_asked_at", "test_outcome", "proven_at"},
    r.WebhookSecret: {"agency_id", "ends_at"},
    r.Event: {"xact", "told"},
    r.OptIn: {"given_at", "withdrawn_at"},
}
# The longest that one opt-in may let another agency read the log.
OPTED_IN_FOR = timedelta(days=90)


def can_write(
    world: w.World,
    principal: w.Principal,
    before: r.Row | None,
    after: r.Row | None,
    now: datetime,
) -> bool:
    """Whether `principal` may insert a row (no `before`), change it, or delete it (no `after`)."""
    me = live_caller(world, principal, now)
    if me is None or after is None:
        return False
    asked = Question(me, world, principal.entry, now)
    if before is None:
        begins = INSERTS.get(type(after))
        return begins is not None and begins(asked, after) and _by(principal, after)
    touches, becomes = CHANGES.get(type(after), (_never, _never))
    reached = principal.role == "app" and touches(asked, before)
    return reached and becomes(asked, before, after)


def reaches(world: w.World, principal: w.Principal, row: r.Row, now: datetime) -> bool:
    """Whether a change of all rows at once, by `principal`, would touch this row: if its new value
    is not allowed, no row is changed."""
    me = live_caller(world, principal, now)
    if me is None or principal.role != "app":
        return False
    touches, _ = CHANGES.get(type(row), (_never, _never))
    return touches(Question(me, world, principal.entry, now), row)


def _by(principal: w.Principal, row: r.Row) -> bool:
    """The role `auditor` may write nothing but the access entries of its own reads."""
    return principal.role == "app" or isinstance(row, r.AccessEntry)


def _never(*_: object) -> bool:
    return False


def writer(asked: Question) -> bool:
    """Whether the caller is a worker or lead by name, or a client with referrals:write that names
    one (R15)."""
    return asked.named and (asked.me.client_id is None or "referrals:write" in asked.me.scopes)


def on_own_side(asked: Question, row: r.Side | r.Note | r.PrivateKey) -> bool:
    """The row is for the writer's own side of a referral that they can see."""
    of = asked.world.referrals.get(row.referral_id)
    sides = of is not None and row.agency_id in (of.from_agency_id, of.to_agency_id)
    mine = writer(asked) and row.agency_id == asked.me.agency_id
    return mine and sides and of is not None and side_rules.sides(asked, of)


def draft(asked: Question, row: r.Referral) -> bool:
    """A referral begins as a draft of the writer's agency (act 1)."""
    new = row.status == "draft" and row.sent_at is None
    return writer(asked) and row.from_agency_id == asked.me.agency_id and new


def side(asked: Question, row: r.Side) -> bool:
    """A side is written without a holder: `sec.claim_referral` and `sec.transfer_referral` set the
    holder (R7)."""
    return on_own_side(asked, row) and row.holder_id is None


def release(asked: Question, row: r.Release) -> bool:
    """An assignee of the disclosing side writes it: the sender, or after the accept the recipient
    (R2)."""
    of = asked.world.referrals.get(row.referral_id)
    if of is None or not side_rules.sides(asked, of) or not asked.assigned(of.id) or row.ended:
        return False
    parties = (of.from_agency_id, of.to_agency_id)
    if row.direction == "return":
        parties = parties[::-1]
    given = row.direction in ("outbound", "notice") or (
        row.direction == "return" and of.accepted_at is not None
    )
    ours = row.from_agency_id == asked.me.agency_id
    return writer(asked) and ours and given and (row.from_agency_id, row.to_agency_id) == parties


def paper(asked: Question, row: r.ReleasePaper) -> bool:
    """The row is for a release that the writer's agency recorded."""
    of = asked.world.releases.get(row.release_id)
    mine = writer(asked) and row.agency_id == asked.me.agency_id
    seen = mine and of is not None and side_rules.release(asked, of)
    return seen and of is not None and of.from_agency_id == asked.me.agency_id


def release_end(asked: Question, row: r.ReleaseEnd) -> bool:
    """Either side writes it on the survivor's word: for a release that the writer can see, in the
    writer's own name."""
    of = asked.world.releases.get(row.release_id)
    mine = writer(asked) and row.agency_id == asked.me.agency_id
    own = mine and row.revoked_by == asked.me.member_id
    return own and of is not None and side_rules.release(asked, of)


def packet(asked: Question, row: r.PacketField) -> bool:
    """The sender's assignee writes it, once the survivor has been able to agree (R1, R14)."""
    of = asked.world.referrals.get(row.referral_id)
    if of is None or not writer(asked) or not side_rules.sides(asked, of):
        return False
    ours = row.from_agency_id == of.from_agency_id == asked.me.agency_id
    return ours and asked.assigned(of.id) and asked.agreed(of.id)


def note(asked: Question, row: r.Note) -> bool:
    """An assignee of either side writes it, in their own name (T4)."""
    own = row.member_id == asked.me.member_id and asked.assigned(row.referral_id)
    return own and on_own_side(asked, row)


def event(asked: Question, row: r.Event) -> bool:
    """A member of either agency writes it, in their own name; a purged sender is not shown it."""
    of = asked.world.referrals.get(row.referral_id)
    if of is None or not side_rules.sides(asked, of) or row.member_id != asked.me.member_id:
        return False
    truly = row[2:4] == (of.from_agency_id, of.to_agency_id)
    told = not (row.from_sees and of.from_purged)
    return writer(asked) and truly and told and row.agency_id == asked.me.agency_id


def call(asked: Question, row: r.CallRecord) -> bool:
    """A member writes their own call."""
    own = row.member_id == asked.me.member_id
    return writer(asked) and own and row.agency_id == asked.me.agency_id


def request(asked: Question, row: r.IdempotencyKey) -> bool:
    """A caller writes their own, for a referral that they can see or for none, so that the foreign
    key does not reveal whether another referral exists."""
    own = row.caller_id == (asked.me.client_id or asked.me.member_id)
    of = asked.world.referrals.get(row.referral_id) if row.referral_id else None
    works = writer(asked) and of is not None and side_rules.sides(asked, of)
    return own and row.agency_id == asked.me.agency_id and (row.referral_id is None or works)


def grant(asked: Question, row: r.Grant) -> bool:
    """The sender's own keys; `sec.store_grant` writes those wrapped for the recipient (ADR
    0019)."""
    of = asked.world.referrals.get(row.referral_id)
    own = row.release_id is None and of is not None and of.from_agency_id == asked.me.agency_id
    mine = own and writer(asked) and row.agency_id == asked.me.agency_id
    return mine and of is not None and side_rules.sides(asked, of) and asked.assigned(of.id)


def plan(asked: Question, row: r.Plan) -> bool:
    """The sender's assignee writes it."""
    of = asked.world.referrals.get(row.referral_id)
    ours = of is not None and of.from_agency_id == row.agency_id == asked.me.agency_id
    mine = ours and writer(asked) and asked.assigned(row.referral_id)
    return mine and of is not None and side_rules.sides(asked, of)


def private_key(asked: Question, row: r.PrivateKey) -> bool:
    """An assignee writes the key of their own side."""
    return on_own_side(asked, row) and asked.assigned(row.referral_id)


def channel(asked: Question, row: r.Channel) -> bool:
    """Members write their own, in the agency where they work; its administrator the agency's."""
    return side_rules.reached(asked, row) and row.agency_id == asked.me.agency_id


def entry(asked: Question, row: r.AccessEntry) -> bool:
    """Callers write what they did, only in their own name; `sec.log_refusal` writes refusals."""
    me = asked.me
    own = (row.agency_id, row.member_id, row.client_id) == (
        me.agency_id, me.member_id, me.client_id,
    )  # fmt: skip
    return own and row.decision == "allowed"


def opt_in(asked: Question, row: r.OptIn) -> bool:
    """The agency's administrator writes it in their own name, to an oversight agency, for at most
    OPTED_IN_FOR."""
    to = asked.world.agencies.get(row.to_agency_id)
    overseen = to is not None and to.active and to.kind == "oversight"
    ours = auditor_rules.own_opt_in(asked, row) and row.given_by == asked.me.member_id
    return overseen and ours and asked.now < row.ends_at <= asked.now + OPTED_IN_FOR


# -- What may be changed: which rows a change reaches, and their allowed new values ----------------


def seen_still(asked: Question, before: r.Referral, after: r.Referral) -> bool:
    """The writer can see the changed row; the times of sending, accept and end are written once."""
    once = before.sent_at in (None, after.sent_at) and before.accepted_at in (
        None,
        after.accepted_at,
    )
    ended = before.ended_at is None or after.ended_at is not None
    return once and ended and writer(asked) and side_rules.sides(asked, after)


def own_side(asked: Question, before: r.Side, after: r.Side) -> bool:
    """A side changes only its own state; an end is final, above all the survivor's stop."""
    ended = before.state in ("completed", "unable", "stopped") and after.state != before.state
    return writer(asked) and after.agency_id == asked.me.agency_id and not ended


def of_either_side(asked: Question, row: r.Release) -> bool:
    """A change reaches a release by the caller's agency and, after the accept, an outbound one to
    it. Either side may end one on the survivor's word (act 15); `sec.revoke_before_accept` ends one
    that the recipient does not know."""
    of = asked.world.referrals.get(row.referral_id)
    taken = row.direction == "outbound" and of is not None and of.accepted_at is not None
    given = taken or row.from_agency_id == asked.me.agency_id
    return given and of is not None and side_rules.sides(asked, of)


def ends(asked: Question, _before: r.Release, after: r.Release) -> bool:
    """A caller who is answerable for the referral ends it; it can never be in force again."""
    mine = writer(asked) and asked.me.agency_id in (after.from_agency_id, after.to_agency_id)
    return mine and after.ended and asked.is_answerable_for(after.referral_id)


def own_plan(asked: Question, _before: r.Plan, after: r.Plan) -> bool:
    """The sender changes the services in its plan."""
    return writer(asked) and after.agency_id == asked.me.agency_id


def own_keys(asked: Question, _before: r.Grant, after: r.Grant) -> bool:
    """The sender changes its own bundle when it writes a field (ADR 0019)."""
    return writer(asked) and after.release_id is None and after.agency_id == asked.me.agency_id


def own_membership(asked: Question, row: r.Membership) -> bool:
    """Members set their own duty status."""
    return asked.me.client_id is None and row.id == asked.me.member_id


def still_own_membership(asked: Question, _before: r.Membership, after: r.Membership) -> bool:
    """The row stays the member's own."""
    return own_membership(asked, after)


def own_channel(asked: Question, _before: r.Channel, after: r.Channel) -> bool:
    """It stays the member's, or the agency's."""
    return channel(asked, after)


def once_more(asked: Question, _before: r.Message, after: r.Message) -> bool:
    """The only change is to try it again."""
    return after.state == "waiting"


def webhook_secret(asked: Question, row: r.WebhookSecret) -> bool:
    """The secret of an endpoint that the caller manages."""
    return row.endpoint_id in asked.world.webhooks and read_rules.webhook(asked, row)


def taken_back(asked: Question, _before: r.OptIn, after: r.OptIn) -> bool:
    """The only change is to withdraw it."""
    return auditor_rules.own_opt_in(asked, after) and after.withdrawn_at is not None


def own_webhook(asked: Question, _before: r.Webhook, after: r.Webhook) -> bool:
    """It stays its agency's."""
    return read_rules.webhook(asked, after)


def own_secret(asked: Question, _before: r.WebhookSecret, after: r.WebhookSecret) -> bool:
    """It stays its endpoint's."""
    return webhook_secret(asked, after)


INSERTS: dict[type[r.Row], Callable[..., bool]] = {
    r.Referral: draft,
    r.Side: side,
    r.Release: release,
    r.ReleasePaper: paper,
    r.ReleaseEnd: release_end,
    r.PacketField: packet,
    r.Note: note,
    r.Event: event,
    r.CallRecord: call,
    r.IdempotencyKey: request,
    r.Grant: grant,
    r.PrivateKey: private_key,
    r.Plan: plan,
    r.Channel: channel,
    r.Webhook: read_rules.webhook,
    r.WebhookSecret: webhook_secret,
    r.AccessEntry: entry,
    r.OptIn: opt_in,
}
CHANGES: dict[type[r.Row], tuple[Callable[..., bool], Callable[..., bool]]] = {
    r.Referral: (side_rules.sides, seen_still),
    r.Side: (side_rules.own_side, own_side),
    r.Release: (of_either_side, ends),
    r.Grant: (side_rules.keys, own_keys),
    r.Plan: (side_rules.plan, own_plan),
    r.Membership: (own_membership, still_own_membership),
    r.Channel: (side_rules.reached, own_channel),
    r.Message: (side_rules.reached, once_more),
    r.Webhook: (read_rules.webhook, own_webhook),
    r.WebhookSecret: (read_rules.webhook, own_secret),
    r.OptIn: (auditor_rules.own_opt_in, taken_back),
}
