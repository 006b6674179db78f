"""What a service's document says, as titles and lines to read, without anything that the pages
compute."""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from api.desk.directory import entry_summary
from api.desk.directory.entry_summary import Document, once
from api.desk.times import day_and_time
from api.languages import SOURCE
from api.texts import StrOrPromise
from directory import listings, vocabulary


class Fact(NamedTuple):
    title: StrOrPromise
    lines: list[str]


def facts(listing: listings.Listing, document: Document) -> Iterator[Fact]:
    terms = list(_terms(document))
    victimization = _names("victimization", get_language() or SOURCE)
    yield Fact(_("Helps with"), once(name for taxonomy, name in terms if taxonomy == "needs"))
    yield Fact(
        _("For people hurt by"),
        [victimization.get(code, code.replace("_", " ")) for code in listing.victimization_types],
    )
    who = [name for taxonomy, name in terms if taxonomy == "served"]
    yield Fact(
        _("Who it is for"),
        once(
            [
                document.get("eligibility_description", ""),
                entry_summary.ages(document),
                ", ".join(once(who)),
            ]
        ),
    )
    yield Fact(_("How to get in"), once([document.get("application_process", "")]))
    yield Fact(
        _("Bring along"),
        once(one.get("document", "") for one in document.get("required_documents", ())),
    )
    yield Fact(
        _("Cost"),
        once(
            [
                document.get("fees_description", ""),
                document.get("fees", ""),
                *(_cost(one) for one in document.get("cost_options", ())),
            ]
        ),
    )
    yield Fact(
        _("Languages"),
        once(
            [
                ", ".join(entry_summary.languages(document)),
                document.get("interpretation_services", ""),
            ]
        ),
    )
    yield Fact(_("Waiting time"), once([document.get("wait_time", "")]))
    yield Fact(_("Area"), once(_area(one) for one in document.get("service_areas", ())))
    yield Fact(_("Contacts"), [_contact(one) for one in document.get("contacts", ())])


def more(document: Document) -> Iterator[Fact]:
    organization, program = document.get("organization", {}), document.get("program", {})
    yield Fact(_("Also called"), once([document.get("alternate_name", "")]))
    yield Fact(_("Program"), once([program.get("name", ""), program.get("description", "")]))
    yield Fact(
        _("Organization"),
        once(
            [
                organization.get("name", ""),
                organization.get("alternate_name", ""),
                organization.get("description", ""),
                organization.get("legal_status", ""),
            ]
        ),
    )
    yield Fact(
        _("Licenses"), once([document.get("licenses", ""), document.get("accreditations", "")])
    )
    yield Fact(
        _("Funding"),
        once(
            one.get("source", "")
            for one in (*document.get("funding", ()), *organization.get("funding", ()))
        ),
    )
    yield Fact(
        _("Also marked as"), once(name for taxonomy, name in _terms(document) if not taxonomy)
    )


def links(document: Document) -> list[tuple[str, str]]:
    """Return (href, words) of the links that lead elsewhere: only web and mail addresses."""
    organization = document.get("organization", {})
    found: list[tuple[str, str]] = []
    for one, words in (
        (document.get("url"), ""),
        *((row.get("url"), row.get("label")) for row in document.get("additional_urls", ())),
        (organization.get("website"), ""),
    ):
        if one and str(one).lower().startswith(("https://", "http://")):
            found.append((str(one), str(words or one)))
    for mail in once([document.get("email", ""), organization.get("email", "")]):
        found.append((f"mailto:{mail}", mail))
    return list({href: (href, words) for href, words in reversed(found)}.values())[::-1]


class Origin(NamedTuple):
    """Where an imported entry came from: words, and a link to the source or ''."""

    words: str
    href: str


def origin(document: Document) -> Origin | None:
    """Return where the entry came from; None if it was written here."""
    said = document.get("provenance")
    if not said:
        return None
    moment = parse_datetime(said.get("imported", ""))
    if moment:
        day = entry_summary.day_words(timezone.localtime(moment).date(), year=True)
        words = gettext("From {source}, imported {day}.").format(source=said["source"], day=day)
    else:
        words = gettext("From {source}.").format(source=said["source"])
    if said.get("license"):
        words += " " + gettext("License: {license}.").format(license=said["license"])
    link = str(said.get("link", ""))
    return Origin(words, link if link.lower().startswith(("https://", "http://")) else "")


OURS = {str(vocabulary.taxonomy_id(key)): key for key in ("needs", "served", "victimization")}


def _terms(document: Document) -> Iterator[tuple[str, str]]:
    """Yield (our taxonomy's key or '', name) of the service's terms: ours in the active language,
    others as they are, without those that repeat one in Spanish."""
    for one in document.get("attributes", ()):
        term = one.get("taxonomy_term", {})
        taxonomy = OURS.get(term.get("taxonomy_detail", {}).get("id", ""), "")
        if taxonomy != "victimization" and term.get("language", "en") in ("", "en"):
            ours = _names(taxonomy, get_language() or SOURCE).get(term.get("code", ""), "")
            yield taxonomy, ours or term.get("name") or one.get("label", "")


@lru_cache
def _names(taxonomy: str, language: str) -> dict[str, str]:
    return {t.code: t.name_in(language) for t in vocabulary.terms() if t.taxonomy == taxonomy}


def capacity(row: Document) -> str:
    moment = parse_datetime(row.get("updated", "") or "")
    says = entry_summary.capacity_words(row)
    if row.get("description"):
        says += f": {row['description']}"
    if not moment:
        return says
    return gettext("{room}, updated {when}").format(room=says, when=day_and_time(moment))


def _cost(row: Document) -> str:
    amount = "" if row.get("amount") is None else f"{row['amount']} {row.get('currency', '')}"
    parts = (row.get("option", ""), amount.strip(), row.get("amount_description", ""))
    return ", ".join(part for part in parts if part)


def _area(row: Document) -> str:
    return str(row.get("name") or row.get("description") or "")


def _contact(row: Document) -> str:
    who = ", ".join(filter(None, (row.get("name"), row.get("title"), row.get("department"))))
    ways = [row.get("email", ""), *(one.get("number", "") for one in row.get("phones", ()))]
    return " \N{MIDDLE DOT} ".join(once([who, *ways]))
