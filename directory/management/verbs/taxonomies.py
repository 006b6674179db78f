"""`manage.py directory import-taxonomy|load-taxonomy|licensed-terms|crosswalk`: terms that classify
services."""

from collections import defaultdict
from functools import partial
from pathlib import Path

from django.core.management.base import CommandError
from django.db.models import Count

from directory import models as m
from directory import vocabulary
from directory.importing import sources
from directory.licensed_terms import licensed_sources
from directory.taxonomy import bundled, crosswalk
from directory.taxonomy.file_formats import read
from directory.taxonomy.term_storage import Stored, store
from permissions.database.aliases import JOBS
from permissions.management.noun import NounCommand, Options

EXAMPLES = """\
  manage.py directory import-taxonomy open-eligibility.xml --dry-run
  manage.py directory import-taxonomy county.csv --name "County services" --source county
"""
CROSSWALK_EXAMPLES = """\
  manage.py directory crosswalk --source county --draft county-terms.csv
  manage.py directory crosswalk --source county --load county-terms.csv
"""
LICENSED_EXAMPLES = """\
  manage.py directory licensed-terms
  manage.py directory licensed-terms --source county-211
  manage.py directory licensed-terms --source county-211 --undo
"""
SHOWN = 20  # term names or notes


def add_verbs(command: NounCommand) -> None:
    """Declare the verbs."""
    own = command.verb(
        "import-taxonomy",
        partial(_import, command),
        "Load a taxonomy of your own, in addition to Cairn's.",
        "FILE is Open Eligibility's XML, HSDS's taxonomy_terms.csv (with taxonomies.csv in the same"
        " folder, if there is one), or a CSV file with the columns code and name, and optionally"
        " description, parent_code and language. It is loaded whole or not at all.",
        "Loading it again under the same source changes what has changed. A term that the file no"
        " longer has is kept, because services may carry it, and is listed. Check the license of a"
        " taxonomy before you use it.",
        examples=EXAMPLES,
    )
    own.add_argument("path", type=Path, metavar="FILE", help="a file, or a folder of HSDS")
    own.add_argument(
        "--name", default="", help="the taxonomy's name, if the file does not contain it"
    )
    own.add_argument(
        "--source",
        default="",
        metavar="NAME",
        help="the source's name, the same at every import (default: the name of the file)",
    )
    own.add_argument("--dry-run", action="store_true", help="print what would change only")
    command.verb(
        "load-taxonomy",
        partial(_load, command),
        "Load the taxonomies that come with Cairn, in English and Spanish.",
        "They cover needs, victimization types, and the groups that a service is for. Run this"
        " after each upgrade. Safe to run twice.",
    )

    kept = command.verb(
        "licensed-terms",
        partial(_license, command),
        "Mark the terms of a source as licensed: then they are shown to no one, and still find.",
        "Some taxonomies may be shown only to their licensees. The terms of a source that is marked"
        " are in no answer of the API, no page of the directory and no export, for members of the"
        " network either; asked for by its id, one is unknown. They stay in the database: services"
        " are found by what the terms mean (directory crosswalk), which the coordinator still"
        " says. Mark a source before its first import and nothing of its terms is ever shown."
        " Without --source it lists the sources that have terms, and which are marked. If the"
        " command was stopped, run it again. Terms that come with Cairn cannot be marked.",
        examples=LICENSED_EXAMPLES,
    )
    kept.add_argument("--source", metavar="NAME", help="the name the terms were imported under")
    kept.add_argument("--undo", action="store_true", help="show the terms to everyone again")

    walk = command.verb(
        "crosswalk",
        partial(_crosswalk, command),
        "Say which of Cairn's needs, victimization types and groups the terms of a source mean.",
        "--draft FILE writes a line for each term that entries of the source have: how many, and"
        " what it may mean, compared by names, synonyms and descriptions. Fill in yes or no in"
        " the column confirmed, and correct the column means (such as needs/emergency-shelter;"
        "served/women). --load FILE stores it: services with a term that is confirmed are found by"
        " what it means, also after the next import. No takes a meaning back; an empty cell leaves"
        " it as it is. Terms that have a name of Cairn's or of Open Eligibility need no line.",
        examples=CROSSWALK_EXAMPLES,
    )
    walk.add_argument(
        "--source", required=True, metavar="NAME", help="the name it was imported under"
    )
    which = walk.add_mutually_exclusive_group(required=True)
    which.add_argument("--draft", type=Path, metavar="FILE", help="write a draft to this CSV file")
    which.add_argument("--load", type=Path, metavar="FILE", help="store what is confirmed in it")
    walk.add_argument("--dry-run", action="store_true", help="with --load: print what would change")


def _crosswalk(command: NounCommand, options: Options) -> None:
    source, dry = options["source"], options["dry_run"]
    if options["load"]:
        outcome = crosswalk.confirm(source, crosswalk.read(options["load"]), dry_run=dry)
        command.stdout.write(
            f"Meanings{' that would be' if dry else ''}: {outcome.added} added, {outcome.removed}"
            f" removed, {outcome.unchanged} unchanged. Organizations made again:"
            f" {outcome.organizations}."
        )
        _list(command, "neither yes nor no", outcome.left_open)
        return
    lines = crosswalk.draft(source)
    if not lines:
        command.stdout.write(f"No entry of the source {source} has a term of another taxonomy.")
        return
    try:
        crosswalk.write(lines, options["draft"])
    except OSError as error:
        raise CommandError(f"{options['draft']} cannot be written: {error.strerror}.") from None
    known = sum(bool(one.confirmed) for one in lines)
    likely = sum(bool(one.means) for one in lines) - known
    command.stdout.write(
        f"{len(lines)} terms written to {options['draft']}: {known} are known, {likely} have a"
        f" likely meaning, {len(lines) - known - likely} none. Fill in the column confirmed, then:"
        f" manage.py directory crosswalk --source {source} --load {options['draft']}"
    )


def _license(command: NounCommand, options: Options) -> None:
    source, undo = options["source"], options["undo"]
    if source is None:
        if undo:
            raise CommandError("--undo goes with --source NAME.")
        _list_sources(command)
        return
    if not source.strip():
        raise CommandError("--source needs a name: entries that are written here have none.")
    terms = m.TaxonomyTerm.objects.using(JOBS).filter(source=source).count()
    if not terms and undo and source not in licensed_sources(JOBS):
        raise CommandError(f"The source {source} is not marked.")
    count = sources.describe(source, {"licensed": not undo})
    command.stdout.write(
        f"The {terms:,} terms of the source {source} are shown"
        f" {'to everyone' if undo else 'to no one'}. Organizations made again: {count:,}."
    )
    if not terms:
        command.stdout.write(
            f"No term was imported under the name {source} yet. Check the name: the mark is for"
            " what comes under exactly this one."
        )


def _list_sources(command: NounCommand) -> None:
    rows = m.TaxonomyTerm.objects.using(JOBS).exclude(source=vocabulary.SOURCE)
    counts = dict(rows.order_by("source").values_list("source").annotate(Count("id")))
    licensed = licensed_sources(JOBS)
    named: dict[str, set[str]] = defaultdict(set)
    for source, own, of in rows.values_list("source", "taxonomy_name", "taxonomy__name").distinct():
        named[source] |= {name for name in (of or own,) if name}
    for source in sorted(counts.keys() | licensed):
        what = ", ".join(sorted(named[source])) or "no taxonomy is named"
        mark = "licensed" if source in licensed else "shown"
        command.stdout.write(f"{mark:<10}{counts.get(source, 0):>8}  {source or '-'}: {what}")
    if not counts and not licensed:
        command.stdout.write("No source has terms of its own.")


def _import(command: NounCommand, options: Options) -> None:
    path, dry_run = options["path"], options["dry_run"]
    source = options["source"] or path.resolve().stem
    found = read(path, source, options["name"])
    stored = store(found.taxonomies, source, dry_run=dry_run)
    _summarize(command, stored, source, dry_run)
    _list(command, "corrected", found.notes)


def _load(command: NounCommand, options: Options) -> None:
    stored = bundled.load()
    command.stdout.write(
        f"Terms: {len(stored.created)} created, {len(stored.changed)} changed,"
        f" {stored.unchanged} unchanged."
    )


def _summarize(command: NounCommand, stored: Stored, source: str, dry_run: bool) -> None:
    command.stdout.write(f"Source: {source}" + (" (dry run: nothing is stored)" if dry_run else ""))
    command.stdout.write(
        f"Terms: {len(stored.created)} created, {len(stored.changed)} changed,"
        f" {stored.unchanged} unchanged, {len(stored.no_longer_there)} no longer in the file"
        " (kept)."
    )
    if dry_run:
        _list(command, "created", stored.created)
    _list(command, "changed", stored.changed)
    _list(command, "no longer in the file", stored.no_longer_there)


def _list(command: NounCommand, what: str, named: list[str]) -> None:
    for one in named[:SHOWN]:
        command.stdout.write(f"  {what}: {one}")
    if len(named) > SHOWN:
        command.stdout.write(f"  {what}: and {len(named) - SHOWN} more")
