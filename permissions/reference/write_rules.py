"""What a principal may write by itself, row by row: can_see's sister, for the role `app`.

Nobody writes in a colleague's name, nor beside a referral that she cannot see. What needs more than
the writer's own rows (a grant, an assignment, a block, a holder) is written by functions of the
database that ask who may (referrals/sql); nothing is deleted but by purge (R13).
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from permissions.reference import auditor_rules, read_rules, side_rules
from permissions.reference import world as w
from permissions.reference.caller import Question, live_caller

# Which columns may ever be changed: who refers whom, and when it began, never.
NOTICE = {
    *("urgency", "needs", "callback", "concern", "age_band", "household_size", "language"),
    *("interpreter", "access_needs", "wanted", "with_worker_until", "survivor_can_talk_now"),
    "interpreter_not_local",
}
CHANGEABLE: dict[type[w.Row], set[str]] = {
    w.Referral: NOTICE
    | {"status", "version", "sent_at", "acknowledged_at", "accepted_at", "ended_at", "ack_by"}
    | {"accept_by", "expires_at", "code", "suggested_service_id", "release_ended", "agreement"}
    | {"handoff_within", "from_asks_ring_at", "to_asks_ring_at"},
    w.Side: {"state", "handoff_by", "escalated_at", "version"},
    w.Release: {"ended"},
    w.Grant: {"fields", "kek_version", "key_bundle"},
    w.Plan: {"services"},
    w.Membership: {"duty"},
    w.Channel: {"language", "position", "test_asked_at", "test_outcome"},
    w.Message: {"state", "tries", "due_at", "outcome", "done_at"},
    w.Webhook: {"url", "paused", "stopped", "at_xact", "at_event", "tries", "failing_since"}
    | {"next_at", "ping_id", "lease", "leased_until", "removed_at"},
    w.WebhookSecret: {"ends_at"},
    w.OptIn: {"withdrawn_at"},
}
# What the database alone says: the flags of a block and of a purge, the moment and the seal of an
# entry.
DATABASES_OWN: dict[type[w.Row], set[str]] = {
    w.Referral: {"has_block", "to_purged"},
    w.Side: {"has_block"},
    w.AccessEntry: {"at", "xact", "leaf"},
    w.Channel: {"created_at", "test_asked_at", "test_outcome"},
    w.WebhookSecret: {"agency_id", "ends_at"},
    w.Event: {"xact", "told"},
    w.OptIn: {"given_at", "withdrawn_at"},
}
# How long another agency may be let into the log at once.
OPTED_IN_FOR = timedelta(days=90)


def can_write(
    world: w.World,
    principal: w.Principal,
    before: w.Row | None,
    after: w.Row | None,
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


def reaches(world: w.World, principal: w.Principal, row: w.Row, now: datetime) -> bool:
    """Whether a change of every row at once, by `principal`, would touch this one: if it may not
    become what the change makes of it, none is changed."""
    me = live_caller(world, principal, now)
    if me is None or principal.role != "app":
        return False
    touches, _ = CHANGES.get(type(row), (_never, _never))
    return touches(Question(me, world, principal.entry, now), row)


def _by(principal: w.Principal, row: w.Row) -> bool:
    """The auditor's pages write nothing but that they were read."""
    return principal.role == "app" or isinstance(row, w.AccessEntry)


def _never(*_: object) -> bool:
    return False


def writer(asked: Question) -> bool:
    """A worker or lead by name; a client with referrals:write that names one (R15)."""
    return asked.named and (asked.me.client_id is None or "referrals:write" in asked.me.scopes)


def beside(asked: Question, row: w.Side | w.Note | w.PrivateKey) -> bool:
    """On her own side of a referral that she sees."""
    of = asked.world.referrals.get(row.referral_id)
    sides = of is not None and row.agency_id in (of.from_agency_id, of.to_agency_id)
    mine = writer(asked) and row.agency_id == asked.me.agency_id
    return mine and sides and of is not None and side_rules.sides(asked, of)


def draft(asked: Question, row: w.Referral) -> bool:
    """A referral begins as a draft of the writer's agency (act 1)."""
    new = row.status == "draft" and row.sent_at is None
    return writer(asked) and row.from_agency_id == asked.me.agency_id and new


def side(asked: Question, row: w.Side) -> bool:
    """Without a holder: who that is, is said by `sec.take` and `sec.hand_over` (R7)."""
    return beside(asked, row) and row.holder_id is None


def release(asked: Question, row: w.Release) -> bool:
    """By an assignee of the side that gives: the sender, or after the accept the recipient (R2)."""
    of = asked.world.referrals.get(row.referral_id)
    if of is None or not side_rules.sides(asked, of) or not asked.assigned(of.id) or row.ended:
        return False
    parties = (of.from_agency_id, of.to_agency_id)
    if row.direction == "return":
        parties = parties[::-1]
    given = row.direction == "outbound" or (
        row.direction == "return" and of.accepted_at is not None
    )
    ours = row.from_agency_id == asked.me.agency_id
    return writer(asked) and ours and given and (row.from_agency_id, row.to_agency_id) == parties


def paper(asked: Question, row: w.ReleasePaper) -> bool:
    """Beside a release that her agency recorded."""
    of = asked.world.releases.get(row.release_id)
    mine = writer(asked) and row.agency_id == asked.me.agency_id
    seen = mine and of is not None and side_rules.release(asked, of)
    return seen and of is not None and of.from_agency_id == asked.me.agency_id


def release_end(asked: Question, row: w.ReleaseEnd) -> bool:
    """Of a release that she sees, in her own name: by either side, on the survivor's word."""
    of = asked.world.releases.get(row.release_id)
    mine = writer(asked) and row.agency_id == asked.me.agency_id
    hers = mine and row.revoked_by == asked.me.member_id
    return hers and of is not None and side_rules.release(asked, of)


def packet(asked: Question, row: w.PacketField) -> bool:
    """By the sender's assignee, once she could say that she agrees (R1, R14)."""
    of = asked.world.referrals.get(row.referral_id)
    if of is None or not writer(asked) or not side_rules.sides(asked, of):
        return False
    ours = row.from_agency_id == of.from_agency_id == asked.me.agency_id
    return ours and asked.assigned(of.id) and asked.agreed(of.id)


def note(asked: Question, row: w.Note) -> bool:
    """By an assignee of either side, in her own name (T4)."""
    hers = row.member_id == asked.me.member_id and asked.assigned(row.referral_id)
    return hers and beside(asked, row)


def event(asked: Question, row: w.Event) -> bool:
    """In her own name, of the two agencies that the referral is between; a sender whose part is
    purged is told nothing (R13)."""
    of = asked.world.referrals.get(row.referral_id)
    if of is None or not side_rules.sides(asked, of) or row.member_id != asked.me.member_id:
        return False
    truly = row[2:4] == (of.from_agency_id, of.to_agency_id)
    told = not (row.from_sees and of.from_purged)
    return writer(asked) and truly and told and row.agency_id == asked.me.agency_id


def call(asked: Question, row: w.CallRecord) -> bool:
    """Her own call."""
    hers = row.member_id == asked.me.member_id
    return writer(asked) and hers and row.agency_id == asked.me.agency_id


def request(asked: Question, row: w.IdempotencyKey) -> bool:
    """The caller's own, of a referral that the caller sees or of none: the foreign key tells of no
    other whether it exists."""
    own = row.caller_id == (asked.me.client_id or asked.me.member_id)
    of = asked.world.referrals.get(row.referral_id) if row.referral_id else None
    seen = row.referral_id is None or (of is not None and side_rules.sides(asked, of))
    return writer(asked) and own and row.agency_id == asked.me.agency_id and seen


def grant(asked: Question, row: w.Grant) -> bool:
    """The sender's own keys; the recipient's are wrapped for it by `sec.put_grant` (ADR 0019)."""
    of = asked.world.referrals.get(row.referral_id)
    own = row.release_id is None and of is not None and of.from_agency_id == asked.me.agency_id
    mine = own and writer(asked) and row.agency_id == asked.me.agency_id
    return mine and of is not None and side_rules.sides(asked, of) and asked.assigned(of.id)


def plan(asked: Question, row: w.Plan) -> bool:
    """By the sender's assignee."""
    of = asked.world.referrals.get(row.referral_id)
    ours = of is not None and of.from_agency_id == row.agency_id == asked.me.agency_id
    mine = ours and writer(asked) and asked.assigned(row.referral_id)
    return mine and of is not None and side_rules.sides(asked, of)


def private_key(asked: Question, row: w.PrivateKey) -> bool:
    """By an assignee, her own side's."""
    return beside(asked, row) and asked.assigned(row.referral_id)


def channel(asked: Question, row: w.Channel) -> bool:
    """Her own, where she works; the agency's, by its administrator."""
    return side_rules.reached(asked, row) and row.agency_id == asked.me.agency_id


def entry(asked: Question, row: w.AccessEntry) -> bool:
    """What she did, in her own name and no other; refusals are written by `sec.log_denial`."""
    me = asked.me
    hers = (row.agency_id, row.member_id, row.client_id) == (
        me.agency_id, me.member_id, me.client_id,
    )  # fmt: skip
    return hers and row.decision == "allowed"


def opt_in(asked: Question, row: w.OptIn) -> bool:
    """By her agency's administrator, in her own name, to an agency that oversees, for a time."""
    to = asked.world.agencies.get(row.to_agency_id)
    overseen = to is not None and to.active and to.kind == "oversight"
    ours = auditor_rules.own_opt_in(asked, row) and row.given_by == asked.me.member_id
    return overseen and ours and asked.now < row.ends_at <= asked.now + OPTED_IN_FOR


# -- What may be changed: which rows a change reaches, and what they may become --------------------


def seen_still(asked: Question, before: w.Referral, after: w.Referral) -> bool:
    """Its writer sees what it becomes; when it was sent, accepted and ended is written once."""
    once = before.sent_at in (None, after.sent_at) and before.accepted_at in (
        None,
        after.accepted_at,
    )
    ended = before.ended_at is None or after.ended_at is not None
    return once and ended and writer(asked) and side_rules.sides(asked, after)


def own_side(asked: Question, before: w.Side, after: w.Side) -> bool:
    """A side's own state stays its own; its end stays, her stop before all."""
    ended = before.state in ("completed", "unable", "stopped") and after.state != before.state
    return writer(asked) and after.agency_id == asked.me.agency_id and not ended


def of_either_side(asked: Question, row: w.Release) -> bool:
    """A release is reached by who gave it, and an outbound one by the recipient from its accept on:
    either may end it on the survivor's word (act 15), what it does not know by `sec.end_unseen`."""
    of = asked.world.referrals.get(row.referral_id)
    taken = row.direction == "outbound" and of is not None and of.accepted_at is not None
    given = taken or row.from_agency_id == asked.me.agency_id
    return given and of is not None and side_rules.sides(asked, of)


def ends(asked: Question, _before: w.Release, after: w.Release) -> bool:
    """It ends, by whoever answers for it, and never begins again."""
    mine = writer(asked) and asked.me.agency_id in (after.from_agency_id, after.to_agency_id)
    return mine and after.ended and asked.is_answerable_for(after.referral_id)


def own_plan(asked: Question, _before: w.Plan, after: w.Plan) -> bool:
    """Other services."""
    return writer(asked) and after.agency_id == asked.me.agency_id


def own_keys(asked: Question, _before: w.Grant, after: w.Grant) -> bool:
    """The sender's own bundle, when it writes a field (ADR 0019)."""
    return writer(asked) and after.release_id is None and after.agency_id == asked.me.agency_id


def herself(asked: Question, row: w.Membership) -> bool:
    """Whether she is on duty, each member says of herself."""
    return asked.me.client_id is None and row.id == asked.me.member_id


def still_herself(asked: Question, _before: w.Membership, after: w.Membership) -> bool:
    """Nobody becomes another."""
    return herself(asked, after)


def own_channel(asked: Question, _before: w.Channel, after: w.Channel) -> bool:
    """It stays hers, or the agency's."""
    return channel(asked, after)


def once_more(asked: Question, _before: w.Message, after: w.Message) -> bool:
    """It is tried again, and nothing else."""
    return after.state == "waiting"


def webhook(asked: Question, row: w.Webhook) -> bool:
    """Her own agency's, by whoever keeps them; of checkpoints, by whoever may read those, too."""
    witnesses = row.about == "events" or auditor_rules.seal(asked, row)
    return witnesses and read_rules.webhook(asked, row)


def webhook_secret(asked: Question, row: w.WebhookSecret) -> bool:
    """Of an endpoint of theirs."""
    return row.endpoint_id in asked.world.webhooks and read_rules.webhook(asked, row)


def taken_back(asked: Question, _before: w.OptIn, after: w.OptIn) -> bool:
    """It is over, and stands no more."""
    return auditor_rules.own_opt_in(asked, after) and after.withdrawn_at is not None


def own_webhook(asked: Question, _before: w.Webhook, after: w.Webhook) -> bool:
    """It stays its agency's."""
    return read_rules.webhook(asked, after)


def own_secret(asked: Question, _before: w.WebhookSecret, after: w.WebhookSecret) -> bool:
    """It stays its endpoint's."""
    return webhook_secret(asked, after)


INSERTS: dict[type[w.Row], Callable[..., bool]] = {
    w.Referral: draft,
    w.Side: side,
    w.Release: release,
    w.ReleasePaper: paper,
    w.ReleaseEnd: release_end,
    w.PacketField: packet,
    w.Note: note,
    w.Event: event,
    w.CallRecord: call,
    w.IdempotencyKey: request,
    w.Grant: grant,
    w.PrivateKey: private_key,
    w.Plan: plan,
    w.Channel: channel,
    w.Webhook: webhook,
    w.WebhookSecret: webhook_secret,
    w.AccessEntry: entry,
    w.OptIn: opt_in,
}
CHANGES: dict[type[w.Row], tuple[Callable[..., bool], Callable[..., bool]]] = {
    w.Referral: (side_rules.sides, seen_still),
    w.Side: (side_rules.own_side, own_side),
    w.Release: (of_either_side, ends),
    w.Grant: (side_rules.keys, own_keys),
    w.Plan: (side_rules.plan, own_plan),
    w.Membership: (herself, still_herself),
    w.Channel: (side_rules.reached, own_channel),
    w.Message: (side_rules.reached, once_more),
    w.Webhook: (read_rules.webhook, own_webhook),
    w.WebhookSecret: (read_rules.webhook, own_secret),
    w.OptIn: (auditor_rules.own_opt_in, taken_back),
}
