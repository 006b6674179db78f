"""The survivor's permission as rows: recorded, read, and what it opens for the recipient. Narrowing
and ending it are in referrals/releases/revocation.py.

What it must say to count is in referrals/releases/terms.py. Granting is wrapping (ADR 0019): the
sender's own act wraps the released fields' keys for the recipient whenever the release or the
packet changes.
"""

from datetime import datetime
from uuid import UUID

from permissions.errors import BadRequest, NotPossible
from permissions.identity.access_record import ReleasedFields
from permissions.keys import grants
from permissions.models import Agency, Membership
from permissions.policy import disclosure
from permissions.policy.rules import Rule, Who
from permissions.principal import Principal
from referrals import idempotency, packet_fields
from referrals.act_registry.invented import require_invented
from referrals.act_registry.registry import HOLDER_THERE, Group, Move, Page, act
from referrals.act_registry.repeats import Repeat
from referrals.act_registry.transitions import DRAFT, WAITING
from referrals.act_transaction import ActTransaction, act_transaction
from referrals.models import (
    Referral,
    Release,
    ReleaseEnd,
    ReleasePaper,
)
from referrals.notices import Notice
from referrals.queries.details import Detail
from referrals.releases import terms as release_terms
from referrals.releases.terms import ReleaseContext, Terms
from referrals.sealed_notes import seal_note


@act(
    Rule(Who.ASSIGNEE, None),
    Move(DRAFT | WAITING | {"accepted"}, None),
    closes=True,  # it ends the previous one
    tells={"from": HOLDER_THERE},
    repeat=Repeat.KEYED,
    summary="Record the survivor's release.",
    description="Records the survivor's permission to share named packet fields with this"
    " recipient, until a set time. It replaces the release before it. Terms that the law or the"
    " network's rules do not allow are refused, with the reason.",
    body=None,
    history="Permission recorded",
    page=Page(
        offer="Record permission",
        title="Record permission",
        says="For this agency only, only what they need, for the shortest time.",
        button="Record permission",
        done="The permission is recorded. Now write the packet.",
        likely={("from", "accepted"): 2},
        brief="What the survivor lets you share, and how long. The other agency sees that it"
        " is there.",
        group=Group.SHARING,
    ),
)
def put_release(
    principal: Principal,
    referral_id: UUID,
    terms: Terms,
    *,
    if_match: str | None = None,
    key: idempotency.Key | None = None,
) -> Detail:
    """Record the survivor's permission for this recipient. It replaces the last one: the same paper
    twice is two records, of which the newer counts. With an Idempotency-Key twice is safe.
    Raises BadRequest and NotPossible for terms that the law or the rules refuse.
    """
    with act_transaction(principal, "put_release", referral_id, if_match, key=key) as current:
        if not current.repeated:
            recipient = Agency.objects.only("kind").get(id=current.referral.to_agency_id)
            release = record_release(current, terms, recipient.kind)
            current.change(release_ended=False)
            current.event(other_side_sees=True)
            share_released_keys(current)
            current.attempt.record(
                subject=current.own_side().subject, fields=release.fields, release_id=release.id
            )
    return current.answer()


def check_witness(principal: Principal, terms: Terms) -> None:
    """Raise BadRequest unless the witness is, or was, a member of the recording agency."""
    if terms.witnessed_by is None:
        return
    own = Membership.objects.filter(id=terms.witnessed_by, agency_id=principal.agency_id)
    if not own.exists():
        raise BadRequest("unknown_member", "Name a member of your agency.", "/witnessed_by")


def record_release(
    current: ActTransaction, terms: Terms, kind: str, direction: str = "outbound"
) -> Release:
    """Check the terms and store the release in place of the last one of this direction, with the
    paper that stays with its agency. `kind` is the kind of the agency that receives it."""
    referral, principal = current.referral, current.principal
    sent = referral.sent_at is not None
    about = ReleaseContext(
        principal, kind, referral.urgency, referral.age_band, current.now, direction, sent
    )
    terms = release_terms.complete_terms(terms, about)
    require_invented(principal, "evidence_ref", terms.evidence_ref)
    release_terms.require_signature(terms, principal)
    check_witness(principal, terms)
    signature = terms.signature
    if signature is not None:
        done = Release.objects.filter(referral=referral, signature_id=signature.id).first()
        if done is not None:
            return done  # a process was killed after it had recorded this signature
        seal_note(current, "signature", {"record": signature.record}, signature.id)
    for old in Release.objects.filter(referral=referral, direction=direction, ended=False):
        end_release(current, old, "superseded")
    part2 = packet_fields.under_part2(terms.fields, principal.duties)
    sides = (referral.from_agency_id, referral.to_agency_id)
    from_agency_id, to_agency_id = sides[::-1] if direction == "return" else sides
    release = Release.objects.create(
        referral=referral,
        direction=direction,
        from_agency_id=from_agency_id,
        to_agency_id=to_agency_id,
        created_at=current.now,
        intermediary=disclosure.INTERMEDIARY if part2 else "",
        signature_id=signature.id if signature else None,
        **terms.values(),
    )
    ReleasePaper.objects.create(release=release, agency_id=principal.agency_id, **terms.paper())
    opens = ReleasedFields(release.id, frozenset(release.fields), release.expires_at)
    if direction == "outbound":
        current.access.released = opens
    elif direction == "return":
        current.access.returned = opens
    return release


def record_end(current: ActTransaction, release: Release, via: str) -> None:
    """Store when, how and through whom the release ended or was narrowed, with the agency that
    ended it."""
    ReleaseEnd.objects.create(
        release=release,
        agency_id=current.principal.agency_id,
        revoked_at=current.now,
        revoked_via=via,
        revoked_by=current.principal.staff_id,
    )


WITH_REFERRAL = "with_referral"  # how a release ended with what it was given for


def end_release(current: ActTransaction, release: Release, via: str) -> None:
    """End the release. When, how and through whom stays with the agency that ended it."""
    record_end(current, release, via)
    Release.objects.filter(id=release.id).update(ended=True)
    if release.direction == "outbound":
        current.access.released = None
    elif release.direction == "return":
        current.access.returned = None


def release_in_force(referral: Referral, now: datetime) -> Release | None:
    """Return the newest release that has neither ended nor expired at `now`. None: notice-only.

    If the survivor could not say whether they agree, only a release put since the sending counts
    (R14).
    """
    releases = Release.objects.filter(
        referral=referral, direction="outbound", ended=False, expires_at__gt=now
    )
    if referral.agreement == "cannot_say":
        releases = releases.filter(created_at__gte=referral.sent_at)
    return releases.order_by("-created_at").first()


def require_release_fits(current: ActTransaction, notice: Notice) -> None:
    """Raise NotPossible if the draft's new notice no longer fits its release: a minor for whom no
    one else consented (R6) or whom its basis does not cover, or an urgency for which the release
    lasts too long."""
    live = Release.objects.filter(
        referral=current.referral,
        direction__in=("outbound", "notice"),
        ended=False,
        expires_at__gt=current.now,
    )
    for release in live.order_by("created_at"):
        _require_fits(current, release, notice)


def _require_fits(current: ActTransaction, release: Release, notice: Notice) -> None:
    if notice.age_band not in disclosure.BASES[release.basis].ages:
        raise NotPossible(
            "minor_by_agreement",
            "The permission on this draft does not cover a minor. Record another, or end it.",
        )
    release_terms.check_consenters(
        [(one["who"], one["not_the_abuser"]) for one in release.consenters],
        age=notice.age_band,
        adult=release.adult,
        alone=release.minor_may_consent_alone,
    )
    if notice.urgency != current.referral.urgency:
        about = ReleaseContext(current.principal, "", notice.urgency, notice.age_band, current.now)
        release_terms.check_length(release.signed_at, release.expires_at, about)


# -- What it opens ---------------------------------------------------------------------------------


def share_released_keys(current: ActTransaction) -> None:
    """Wrap the released fields' keys for the recipient, if there is something to wrap.

    The sender's own act does it (granting is wrapping). Row-level security hides the bundle until
    the accept. This applies from `send` on; before that nothing of the draft leaves the agency.
    """
    if current.referral.sent_at is None:
        return
    release = release_in_force(current.referral, current.now)
    grant = grants.live_grant(current.principal, current.referral.id)
    if release is not None and grant is not None:
        share_keys(current, release, grants.open_bundle(current.principal, grant))


def share_keys(current: ActTransaction, release: Release, keys: grants.Keys) -> None:
    """Wrap the released fields' keys for the recipient, from keys that are already open."""
    released = {name: keys[name] for name in release.fields if name in keys}
    if released:
        current.attempt.discloses(list(released), release.id, release.purpose)
        grants.wrap_for_recipient(
            current.referral.id, current.referral.to_agency_id, release.id, released
        )
    else:  # what an earlier release had opened ends with it
        grants.destroy_recipient_bundle(current.referral.id)


def close_packet(current: ActTransaction) -> None:
    """Close the packet to the recipient at once: its keys are destroyed. Twice is safe."""
    grants.destroy_recipient_bundle(current.referral.id)
    current.access.released = None
