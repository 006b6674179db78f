"""Asking for a signature on a page of Cairn's: begun by an assigned member, given by the survivor,
and recorded by the same member with the release.

The page is one address with a secret: on the worker's own screen, which is locked meanwhile, or on
the survivor's phone, by a picture on that screen. It is never sent anywhere. It shows the exact
paper and terms; other terms are another page, and the one before is dead. The one who signs has no
account and opens nothing else.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from permissions import displayed_text
from permissions.audit import writer
from permissions.database.clock import database_now
from permissions.errors import BadRequest, NotPossible, NotVisible
from permissions.policy import disclosure
from permissions.principal import Principal
from referrals.act_registry.registry import ACTS
from referrals.act_registry.transitions import require, require_state
from referrals.queries.details import Detail
from referrals.queries.seen import find
from referrals.releases import lifecycle
from referrals.releases.terms import ReleaseContext, Terms, complete_terms
from referrals.signing import pending, signed_record, strokes
from referrals.signing.pending import Content
from referrals.signing.signed_record import Line, Signed
from referrals.visible_status import status_shown

# The acts that record a release, and its direction.
DIRECTIONS = {
    "put_release": "outbound",
    "put_notice_release": "notice",
    "put_return_release": "return",
}
LONGEST = 100  # characters of what is typed


def ask(
    principal: Principal,
    referral_id: UUID,
    act: str,
    terms: Terms,
    recipient_kind: str,
    language: str,
    paper: Sequence[Line],
    *,
    asks_name: bool = False,
) -> str:
    """Begin a page on which the survivor signs for these terms. Returns its secret.

    Nothing is released by it. The page before it, for the same release, is dead. One access entry.
    Raises BadRequest and NotPossible for terms that the law or the rules refuse, NotVisible,
    NotPermitted, WrongState.
    """
    with writer.logged_act(principal, "referral.ask_signature", referral_id) as attempt:
        seen = find(principal, referral_id)
        if act not in DIRECTIONS or terms.form not in disclosure.DRAWN:
            raise NotVisible
        referral, own, who = seen.referral, seen.own, seen.relation(principal)
        side = who.side
        require(principal, act, who)
        require_state(act, side, status_shown(referral, own, side, attempt.now))
        about = ReleaseContext(
            principal,
            recipient_kind,
            referral.urgency,
            referral.age_band,
            attempt.now,
            DIRECTIONS[act],
            referral.sent_at is not None,
        )
        terms = complete_terms(terms, about)
        lifecycle.check_witness(principal, terms)
        now = attempt.now
        attempt.record(subject=own.subject if own else None)
    return pending.make(
        Content(
            signature_id=pending.new_id(),
            referral_id=referral_id,
            agency_id=principal.agency_id,
            member_id=principal.staff_id,
            act=act,
            way=terms.form,
            language=language,
            terms=signed_record.terms_json(terms),
            paper=[list(line) for line in paper],
            signers=[one.who for one in terms.consenters],
            asks_name=asks_name,
            begun_at=now,
        )
    )


def page_of(secret: str) -> Content:
    """What the page of this secret asks to sign. Raises NotVisible, alike for a secret that there
    never was, one that was used, ended or replaced, and one that is over."""
    found = pending.find(secret)
    if found.signed_at is not None:
        raise NotVisible
    return found


def give(secret: str, given: Mapping[str, str]) -> Content:
    """Take the signature: of each signer `strokes_<who>`, and what was typed as `name_<who>` and
    `authority_<who>`. Once: the page is dead from then on. Raises NotVisible as `page_of`;
    BadRequest or NotPossible where something is missing, and then nothing is kept."""
    with pending.locked(secret) as (row, content):
        if content.signed_at is not None:
            raise NotVisible
        signatures = [_signed(who, given, content) for who in content.signers]
        content.signed_at = database_now("signin")
        content.record = signed_record.write(
            content.signature_id,
            content.referral_id,
            content.way,
            content.language,
            [(kind, words) for kind, words in content.paper],
            content.terms,
            content.signed_at,
            signatures,
        )
        pending.save(row, content, secret)
        return content


def given(content: Content) -> list[Signed]:
    """What was signed on this page, each by whom. Empty: nothing yet."""
    return signed_record.signatures_in(content.record) if content.record else []


def _signed(who: str, given: Mapping[str, str], content: Content) -> Signed:
    name, authority = _typed(given, f"name_{who}"), _typed(given, f"authority_{who}")
    if content.asks_name and not name:
        raise NotPossible("name_missing", "Type the name of each person who signs.")
    return Signed(who, name, authority, strokes.read(given.get(f"strokes_{who}", "")))


def _typed(given: Mapping[str, str], name: str) -> str:
    text = displayed_text.normalized(given.get(name, "").strip())
    if len(text) > LONGEST:
        raise BadRequest("invalid", f"At most {LONGEST} characters.", f"/{name}")
    if fault := displayed_text.fault_of(text, lines=False):
        raise BadRequest("invalid", fault, f"/{name}")
    return text


def asked(principal: Principal, referral_id: UUID, act: str, secret: str) -> Content:
    """What this member has asked for with this secret, signed or not yet. Raises NotVisible."""
    found = pending.find(secret)
    _require_own(principal, referral_id, act, found)
    return found


def stop(principal: Principal, referral_id: UUID, act: str, secret: str) -> None:
    """End the page, and what was signed on it and is not recorded. Twice is safe."""
    try:
        with pending.locked(secret) as (row, content):
            _require_own(principal, referral_id, act, content)
            pending.end(row)
    except NotVisible:
        return


def record(principal: Principal, referral_id: UUID, act: str, secret: str) -> Detail:
    """Record the release that was signed for, with its signature, by the act itself.

    Once: a process that was killed in between has recorded it, and the second time finds that.
    Raises NotVisible, NotPossible (`signature_missing`: not signed yet) and what the act raises;
    then the signature stays until its hour is over.
    """
    with pending.locked(secret) as (row, content):
        _require_own(principal, referral_id, act, content)
        if content.record is None:
            raise NotPossible("signature_missing", "Nothing was signed yet.")
        terms = signed_record.signed_terms(content.signature_id, content.record)
        seen: Detail = ACTS[act].do(principal, referral_id, terms=terms)
        pending.end(row)
    return seen


def _require_own(principal: Principal, referral_id: UUID, act: str, found: Content) -> None:
    asked_for = found.referral_id, found.act, found.agency_id, found.member_id
    if asked_for != (referral_id, act, principal.agency_id, principal.staff_id):
        raise NotVisible
