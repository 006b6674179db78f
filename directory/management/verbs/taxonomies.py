"""`manage.py directory import-taxonomy|load-taxonomy`: the terms that classify services."""

from functools import partial
from pathlib import Path

from directory.taxonomy import bundled
from directory.taxonomy.file_formats import read
from directory.taxonomy.term_storage import Stored, store
from permissions.management.noun import NounCommand, Options

EXAMPLES = """\
  manage.py directory import-taxonomy open-eligibility.xml --dry-run
  manage.py directory import-taxonomy county.csv --name "County services" --source county
"""
SHOWN = 20  # term names or notes


def add_verbs(command: NounCommand) -> None:
    """Declare both verbs."""
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
