"""The paper that is signed on a screen or a phone: the same words as on the printed one, with the
terms filled in that are otherwise ticked by hand."""

from dataclasses import replace
from typing import Any

from django.utils import translation
from django.utils.formats import date_format
from django.utils.timezone import localtime

from api.desk import labels
from api.desk.referral.release.release_paper import Text, paper_of, permission_text
from permissions.principal import Principal
from referrals.packet_fields import under_part2
from referrals.queries.details import Detail
from referrals.releases.terms import Terms
from referrals.signing.signed_record import Line

TITLE, HEADING, WORDS, ITEM = "title", "heading", "words", "item"
NOTICE, RETURN = "put_notice_release", "put_return_release"


def asks_name(principal: Principal, terms: Terms) -> bool:
    """Return whether the law asks for the name on the paper (42 CFR 2.31(a)(1))."""
    return under_part2(terms.fields, principal.duties)


def paper_parts(
    principal: Principal, seen: Detail, act: str, terms: Terms, language: str
) -> dict[str, Any]:
    """Return the parts of the paper by name, with the terms filled in (release_paper.paper_of)."""
    text = permission_text(language)
    if act == RETURN:
        seen = replace(seen, from_agency=seen.to_agency, to_agency=seen.from_agency)
    parts = paper_of(principal, seen, text)
    names = {
        "sender": seen.from_agency.name,
        "to": seen.to_agency.name,
        "service": seen.referral.service_name,
    }
    with translation.override(language):
        until = date_format(localtime(terms.expires_at), "DATETIME_FORMAT")
        returned = [str(labels.RETURNED[name]) for name in terms.fields] if act == RETURN else []
    return parts | {
        "lead": text.lead_listed.format(**names),
        "notice": text.notice if act == NOTICE else "",
        "fields": returned or [text.fields[name] for name in terms.fields],
        "purposes": [text.purposes[terms.purpose]],
        "until": f"{parts['until']} {until.removesuffix('.')}.",
        "told": [text.told[code] for code in terms.attestations if code in text.told],
        "who": [text.who[one.who] for one in terms.consenters],
        "states": list(_stated(terms, text)),
        "sign": text.read_it,
    }


def _stated(terms: Terms, text: Text) -> list[str]:
    """What is said of who signs."""
    said = []
    if terms.adult:
        said.append(text.adult)
    if terms.minor_may_consent_alone:
        said.append(text.alone)
    if any(one.not_the_abuser for one in terms.consenters):
        said.append(text.not_the_abuser)
    return said


def paper_lines(
    principal: Principal, seen: Detail, act: str, terms: Terms, language: str
) -> list[Line]:
    """Return the paper as lines, each with how it is set."""
    text = permission_text(language)
    parts = paper_parts(principal, seen, act, terms, language)
    shared = [*filter(None, [parts["notice"]]), *parts["fields"]]
    ends = ("revoke", "revoke_in_writing")
    goes = ("opens", "operator", "compelled", "no_longer_protected", "copy", "legal_alone")
    lines = [
        (TITLE, text.title),
        (WORDS, parts["lead"]),
        (HEADING, text.shared_title),
        *((ITEM, one) for one in shared),
        (HEADING, text.reason_title),
        *((ITEM, one) for one in parts["purposes"]),
        (WORDS, parts["until"]),
        (WORDS, parts["longest"]),
        *((WORDS, parts[name]) for name in (*ends, *goes)),
        (HEADING, text.told_title),
        *((ITEM, one) for one in parts["told"]),
        (HEADING, text.consent),
        *((ITEM, one) for one in (*parts["who"], *parts["states"])),
        (WORDS, parts["sign"]),
    ]
    return [(kind, words) for kind, words in lines if words]
