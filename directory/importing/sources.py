"""What the operator says of an imported source: its license, where to find it, and whether everyone
may see its terms.

Each entry of the source says it too (`provenance`, and its terms), so a change renders them again.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias
from urllib.parse import urlsplit
from uuid import UUID

from django.db import transaction

from directory import models as m
from directory import vocabulary
from directory.importing import coercion
from directory.importing.import_package import exclusive
from directory.projection.affected_parents import affected_organizations
from directory.projection.reindex import forget_words
from directory.projection.render import ORGANIZATIONS, render_organizations, render_taxonomies
from permissions import displayed_text
from permissions.database.aliases import JOBS

MOST = 500  # characters of a license or a link
Said: TypeAlias = Mapping[str, str | bool]


class OurOwnTerms(Exception):
    """The terms that come with Cairn are free to use, so they cannot be marked as licensed."""


class NotToBeShown(Exception):
    """No page may show this license or link; the message says why, without it."""


def checked(license: str | None, link: str | None) -> dict[str, str]:  # noqa: A002  the option's
    """What is given of a license and a link, trimmed. Raises NotToBeShown."""
    given = {"license": license, "link": link}
    said = {name: text.strip() for name, text in given.items() if text is not None}
    for name, text in said.items():
        if len(text) > MOST or displayed_text.fault_of(text, lines=False):
            raise NotToBeShown(f"--{name} takes up to {MOST} characters in one line, all visible.")
    if said.get("link") and not _leads_somewhere(said["link"]):
        raise NotToBeShown(
            "--link takes a web address that begins with https:// or http://, without a password."
        )
    return said


def _leads_somewhere(link: str) -> bool:
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    web = parts.scheme in ("https", "http") and parts.hostname and "@" not in parts.netloc
    return bool(web and coercion.URL.fullmatch(link))


def describe(name: str, said: Said) -> int:
    """Remember what is `said` of a source: its `license`, its `link` ('' forgets one), whether its
    terms are `licensed`, for licensees alone. If that is new, render its entries, and those that
    have its terms, some organizations per transaction. Returns how many organizations those are.
    Twice changes nothing; called again, also without a word, it finishes what was stopped. Runs as
    `jobs`. Raises ImportRunning, OurOwnTerms."""
    if "licensed" in said and name == vocabulary.SOURCE:
        raise OurOwnTerms("The terms that come with Cairn are free to use. They cannot be marked.")
    with exclusive(name):
        _remember(name, said)
        rows = m.Source.objects.using(JOBS).filter(name=name, due=True)
        ids = _organizations(name) if rows.exists() else []
        while _render_some(name, ids):
            pass
        if ids and said.get("licensed"):
            forget_words()
    return len(ids)


def finish() -> None:
    """Finish what was stopped, of each source. Twice is safe. Raises ImportRunning."""
    due = m.Source.objects.using(JOBS).filter(due=True).order_by("name")
    for name in due.values_list("name", flat=True):
        describe(name, {})


def _remember(name: str, said: Said) -> None:
    with transaction.atomic(using=JOBS):
        rows = m.Source.objects.using(JOBS)
        row = rows.select_for_update().filter(name=name).first() or m.Source(name=name)
        differing = {column: one for column, one in said.items() if getattr(row, column) != one}
        for column, one in differing.items():
            setattr(row, column, one)
        if differing:
            row.due, row.rendered_to = True, None
            row.save(using=JOBS)
        if "licensed" in differing:
            for table, model in (("taxonomy", m.Taxonomy), ("taxonomy_term", m.TaxonomyTerm)):
                terms = model._default_manager.using(JOBS).filter(source=name)
                render_taxonomies(terms.values_list("id", flat=True), table, withheld=row.licensed)


def _render_some(name: str, ids: Sequence[UUID]) -> bool:
    """Render a portion of what is due of these, and return whether there may be more."""
    with transaction.atomic(using=JOBS):
        row = m.Source.objects.using(JOBS).select_for_update().filter(name=name, due=True).first()
        if row is None:
            return False
        after = row.rendered_to
        part = [one for one in ids if after is None or one > after][:ORGANIZATIONS]
        if part:
            render_organizations(part)
        if len(part) == ORGANIZATIONS:
            row.rendered_to = part[-1]
        elif row.license or row.link or row.licensed:
            row.due, row.rendered_to = False, None
        else:
            row.delete(using=JOBS)
            return False
        row.save(using=JOBS)
        return row.due


def _organizations(name: str) -> list[UUID]:
    """Those whose documents say something of the source, in the order in which they are rendered:
    its own, and those with its terms."""
    terms = m.TaxonomyTerm.objects.using(JOBS).filter(source=name)
    found = affected_organizations(
        [("taxonomy_term", one) for one in terms.values("id")], using=JOBS
    )
    services = m.Service.objects.using(JOBS).filter(source=name)
    found |= set(services.values_list("organization_id", flat=True))
    own = m.Organization.objects.using(JOBS).filter(source=name)
    return sorted(found | set(own.values_list("id", flat=True)))
