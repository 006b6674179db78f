"""Narrowing or ending a release: at once, on the survivor's word, recorded by either side.

The packet's keys are wrapped again for the recipient, or destroyed
(referrals/releases/lifecycle.py).
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from permissions.errors import BadRequest, NotPossible
from permissions.keys import grants
from permissions.policy.rules import Rule, Who
from permissions.principal import Principal
from referrals import codes, packet_fields
from referrals.act_registry.fields import Body, Code
from referrals.act_registry.registry import HOLDER_THERE, Group, Move, Page, act
from referrals.act_registry.repeats import Repeat
from referrals.act_registry.transitions import ANY, DRAFT, WAITING
from referrals.act_transaction import ActTransaction, act_transaction
from referrals.models import Event, Release
from referrals.queries.details import Detail
from referrals.releases import lifecycle, notice_release


@act(
    Rule(Who.ASSIGNEE_OR_LEAD, Who.ASSIGNEE_OR_LEAD),
    # The recipient may narrow it from its accept on. Before, it may not know what there is.
    Move(ANY, ANY - DRAFT - WAITING - {"declined", "expired"}),
    closes=True,
    tells={"from": HOLDER_THERE},
    repeat=Repeat.SAFE,
    summary="Narrow the release.",
    description="On the survivor's word: fewer fields, or an earlier end, at once. Either side may"
    " record it. More fields or a later end need a new release.",
    body=None,
    history="Permission made narrower",
    page=Page(
        offer="Limit what is shared",
        title="Limit what is shared",
        says="At the survivor's request, at once. To share more, or for longer, record a new"
        " permission.",
        button="Limit what is shared",
        done="Done. They can open no more than that.",
        useful=lambda seen: seen.release_in_force,
        brief="Fewer fields, or a shorter time, at once.",
        group=Group.SHARING,
    ),
)
def narrow_release(
    principal: Principal,
    referral_id: UUID,
    *,
    fields: Sequence[str] | None = None,
    expires_at: datetime | None = None,
    if_match: str | None = None,
) -> Detail:
    """Narrow the release to fewer fields or an earlier end, at once, on the survivor's word, by
    either side. None: unchanged.

    The recipient's bundle is wrapped again from the keys that are left. A lead who is not assigned
    can open no keys: if they drop fields, the bundle is destroyed until the sender's next
    put_packet. The terms as signed stay on record. When the recipient records it, the sender is
    shown the smaller release, but not when or by whom. Twice is safe. Raises BadRequest,
    NotPossible (none in force, wider, a contact without the safe way to use it).
    """
    if fields is None and expires_at is None:
        raise BadRequest(
            "invalid", "Name the fields that stay shared, or an earlier end.", "/fields"
        )
    if fields is not None and not (fields and set(fields) <= set(packet_fields.PACKET_FIELDS)):
        raise BadRequest("unknown_field", "Name packet fields, at least one.", "/fields")
    with act_transaction(principal, "narrow_release", referral_id, if_match) as current:
        release = _known_release(current)
        left = sorted(set(fields if fields is not None else release.fields))
        until = expires_at or release.expires_at
        if not set(left) <= set(release.fields) or until > release.expires_at:
            raise NotPossible("widening", "More fields or a later end need a new release.")
        if until <= current.now:
            raise NotPossible(
                "expired", "The new end has passed. To end the release now, use revoke_release."
            )
        contacts = set(left) & set(packet_fields.CONTACT_FIELDS)
        if contacts and "safe_contact" in set(release.fields) - set(left):
            raise NotPossible(
                "safe_contact", "Keep safe_contact while a way to contact the survivor is shared."
            )
        if left != release.fields or until != release.expires_at:
            _narrow(current, release, left, until)
        current.attempt.record(
            subject=current.own_side().subject, fields=left, release_id=release.id
        )
    return current.answer()


def _known_release(current: ActTransaction) -> Release:
    """Return the release in force, if the side may know it: the recipient from its accept on."""
    if current.side == "from" or current.referral.accepted_at is not None:
        release = lifecycle.release_in_force(current.referral, current.now)
        if release is not None:
            return release
    raise NotPossible("no_release", "There is no release in force.")


def _narrow(current: ActTransaction, release: Release, left: list[str], until: datetime) -> None:
    referral = current.referral
    grant = grants.live_grant(current.principal, referral.id)
    keys = grants.open_bundle(current.principal, grant) if grant else None
    grants.narrow_grant(referral.id, referral.to_agency_id, release.id, left, until, keys)
    if current.access.released is not None:
        current.access.released = current.access.released.narrowed(release.id, left, until)
    lifecycle.record_end(current, release, "narrowed")
    current.change()
    current.event(other_side_sees=current.side == "from")


def _may_have_one(seen: Detail) -> bool:
    """Return whether there may be a release to end. Before its accept the recipient cannot know."""
    unseen = seen.side == "to" and seen.status in WAITING
    there = seen.release is not None and not seen.release_ended
    return unseen or there or seen.notice_released


@act(
    Rule(Who.ASSIGNEE_OR_LEAD, Who.ASSIGNEE_OR_LEAD),
    Move(ANY, ANY - DRAFT),
    closes=True,
    tells={"from": HOLDER_THERE},
    repeat=Repeat.SAFE,
    summary="End the release.",
    description="On the survivor's word, spoken or written. The packet closes to the recipient at"
    " once; the referral goes on. Either side may record it. The recipient may do so before its"
    " accept, without learning whether there is a release.",
    body=Body(
        [
            Code(
                "via",
                codes.REVOKED_VIA,
                question="How did the survivor end it?",
                default="oral",
                chosen="oral",
            ),
            Code(
                "covers",
                codes.COVERS,
                question="Which permission ends?",
                default="packet",
                chosen="packet",
                help="`notice`, for the sender: the permission for the notice itself, where there"
                " is one. The referral is withdrawn, the packet closed and the notice emptied.",
            ),
        ]
    ),
    history="Permission ended",
    page=Page(
        offer="Revoke permission",
        title="Revoke permission",
        says="The survivor's word is enough. Nothing more can be opened, from now on. The referral"
        " continues.",
        button="Revoke permission",
        done="Done. The packet is closed; the referral goes on.",
        grave=True,
        useful=_may_have_one,
        brief="The packet closes at once. The referral continues.",
        group=Group.SHARING,
    ),
)
def revoke_release(
    principal: Principal,
    referral_id: UUID,
    via: str,
    covers: str = "packet",
    *,
    if_match: str | None = None,
) -> Detail:
    """End the permission at once; the help goes on. An oral request is enough (NNEDV on releases).
    Twice is safe. `covers` = "notice": the sender's permission for the notice; nothing goes on
    (referrals/releases/notice_release.py).

    The recipient's bundle is destroyed. When the recipient records it, the sender is shown
    `release_ended` and nothing else, neither when nor by whom. Before its accept the recipient gets
    the same answer whether there was a release or not. In all other cases raises NotPossible if
    there is none.
    """
    codes.check("revoked_via", via)
    codes.check("covers", covers)
    with act_transaction(principal, "revoke_release", referral_id, if_match) as current:
        if covers == "notice":
            if current.side == "to":  # which never knows whether there is one
                raise NotPossible("no_release", "There is no release to end.")
            notice_release.end(current, via)
        elif current.side == "to" and current.referral.accepted_at is None:
            _end_unseen(current, via)
        else:
            _end_releases(current, via)
    return current.answer()


def _end_releases(current: ActTransaction, via: str) -> None:
    releases = Release.objects.filter(referral=current.referral, direction="outbound")
    live = list(releases.filter(ended=False))
    if not live and not releases.exists():
        raise NotPossible("no_release", "There is no release to end.")
    if live:  # else it ended already: a retried request, or the other side was first
        lifecycle.close_packet(current)
        for release in live:
            lifecycle.end_release(current, release, via)
        current.change(release_ended=True)
        current.event(other_side_sees=current.side == "from")


def _end_unseen(current: ActTransaction, via: str) -> None:
    """End a release that the recipient may not know yet. What the recipient is shown of its own act
    depends only on what it knows: whether a release was put since it last ended one."""
    grants.revoke_before_accept(current.referral.id, via)
    current.access.released = None
    current.referral.refresh_from_db(fields=["version"])  # its ETag: the sender may have changed it
    known = Event.objects.filter(
        referral=current.referral, to_sees=True, act__in=("put_release", "revoke_release")
    )
    last = known.order_by("-at", "-id").first()
    if last is None or last.agency_id != current.principal.agency_id:
        current.change_own()
        current.event(other_side_sees=False)
