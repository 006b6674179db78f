"""`manage.py directory import|quarantine|import-postcodes`: take sources into the directory."""

import sys
from collections import Counter
from contextlib import closing
from functools import partial
from pathlib import Path
from uuid import UUID

from django.core.management.base import CommandError

from directory import models as m
from directory.importing import quarantine, sources
from directory.importing.formats.source_formats import read
from directory.importing.import_package import ignore_difference, import_package
from directory.importing.outcome import Report
from directory.importing.reports import Differences, summarise, write_lines
from directory.postcodes import load
from directory.projection.reindex import place_again
from permissions.database.aliases import JOBS
from permissions.management.noun import NounCommand, Options
from permissions.models import Agency

IMPORT = (
    "Take services from HSDS data into the directory, from CSV or JSON.",
    "PATH is a folder or zip file of CSV files in the tabular form of HSDS (version 1.1, 2.0 or 3,"
    " or Ohana's names: organizations.csv, services.csv, locations.csv, phones.csv and so on; with"
    " or without a datapackage.json), or a JSON file: one document, a list, a page of an API, or"
    " ndjson with one organization or service per line. Give a large source as CSV or ndjson.",
    "Each line is taken, mended (corrected, with a note), quarantined (with the reason) or skipped"
    " (it holds nothing to store). An organization is taken with all its services and places or not"
    " at all: correct the line at fault and import again. Importing again is always safe: rows are"
    " found by their id and the"
    " name of the source, and what has not changed is not touched. What a source no longer has"
    " is removed; a service becomes inactive, and so do those of an organization that has left. If"
    " more than a tenth of the organizations or services are gone, the file may be cut off: nothing"
    " is changed without --allow-closing. To finish an import that was stopped, run it again.",
    "A service may name an organization that the files do not list: then what an earlier import"
    " stored of it is used, or else the name in a column `organization_name` of services.csv,"
    " until the organization is listed.",
    "The command ends with status 0 if no line is quarantined, 3 if some are, and 4 if nothing was"
    " taken.",
    "Once an agency has changed an entry here (more than pausing it or confirming it), its"
    " organization belongs to that agency: imports leave it and everything that belongs to it as it"
    " is, unless --over-edits is given.",
    "The address of a confidential place is never stored. Mark the place in a column `confidential`"
    " of organizations.csv, services.csv or locations.csv. What is marked is hidden even if its"
    " line is left unchanged or cannot be taken.",
    "Each entry says which source it came from, and when an import last wrote it. With --license"
    " and --link it also says under which license, and where the source is. Everyone may read it,"
    " so let the name of the source reveal nothing. Confidential entries do not say it.",
)
IMPORT_EXAMPLES = """\
  manage.py directory import ~/downloads/county-2026-11 --source county
  manage.py directory import county.zip --source county --dry-run
  manage.py directory import county.zip --source county --license "CC BY 4.0" --link https://…
  manage.py directory import feed.ndjson --source county --report county.jsonl
  manage.py directory import to-correct --source county --retry
"""
TAKEN_IN_PART, NOTHING_TAKEN = 3, 4  # what the command ends with
QUARANTINE_EXAMPLES = """\
  manage.py directory quarantine --source county
  manage.py directory quarantine --source county --export to-correct --from county.zip
"""


def add_verbs(command: NounCommand) -> None:
    """Declare the three verbs."""
    _add_import(command)
    waiting = command.verb(
        "quarantine",
        partial(_quarantine, command),
        "List the lines of a source that were quarantined, by reason.",
        "To correct them, write them out with --export, fill in what is missing in these CSV files,"
        " and import the folder with `directory import FOLDER --source NAME --retry`. Name the file"
        " that was imported with --from: then the lines are whole. Without it they have no street"
        " of a place that was not taken, since the quarantine does not keep it.",
        "A correction stays: the next imports use it as long as the source says what it said. Once"
        " the source changes that line, it counts again. --forget-corrections drops them all.",
        examples=QUARANTINE_EXAMPLES,
    )
    waiting.add_argument(
        "--source", required=True, metavar="NAME", help="the name it was imported under"
    )
    waiting.add_argument(
        "--export", type=Path, metavar="FOLDER", help="also write the lines there, as CSV files"
    )
    waiting.add_argument(
        "--from",
        dest="imported",
        type=Path,
        metavar="PATH",
        help="with --export: the file or folder that was imported, to write whole lines",
    )
    waiting.add_argument(
        "--forget-corrections",
        action="store_true",
        help="drop what was corrected here; the next import says again what is wrong",
    )
    postcodes = command.verb(
        "import-postcodes",
        partial(_import_postcodes, command),
        "Load a table of postcodes, so that services near a postcode can be found.",
        "FILE is a CSV file with the columns postcode, latitude, longitude. It replaces the table"
        " that was loaded before. A place without coordinates then is in the middle of its"
        " postcode, and a search says so; a confidential place stands nowhere. If the command was"
        " stopped, run it again. A search near a postcode that is in no table begins in the middle"
        " of the known addresses with it; no place stands there.",
    )
    postcodes.add_argument("path", type=Path, metavar="FILE", help="a CSV file")


def _add_import(command: NounCommand) -> None:
    verb = command.verb("import", partial(_import, command), *IMPORT, examples=IMPORT_EXAMPLES)
    verb.add_argument(
        "path", type=Path, metavar="PATH", help="a folder, a zip file, a JSON or an ndjson file"
    )
    verb.add_argument(
        "--source",
        metavar="NAME",
        help="the source's name, the same at every import. It may be left out where the file or"
        " folder has the name of a source that was imported before",
    )
    verb.add_argument(
        "--license",
        metavar="TEXT",
        help="the license of the source's data, such as CC BY-SA 4.0, shown with each entry. It is"
        " remembered, so say it once: a new one renders the whole source again. '' forgets it",
    )
    verb.add_argument(
        "--link",
        metavar="URL",
        help="where people find the source. It is remembered and shown in the same way",
    )
    verb.add_argument(
        "--report",
        type=Path,
        metavar="FILE",
        help="write the outcome of every line, as JSON records if FILE ends in .json or .jsonl",
    )
    verb.add_argument(
        "--dry-run", action="store_true", help="print what would change, and change nothing"
    )
    verb.add_argument(
        "--retry",
        action="store_true",
        help="PATH has corrected lines of a source that was imported before: remove nothing",
    )
    verb.add_argument(
        "--over-edits",
        action="store_true",
        help="also overwrite entries that agencies have changed here",
    )
    verb.add_argument(
        "--allow-closing",
        action="store_true",
        help="close what the source no longer has, however much that is",
    )
    verb.add_argument(
        "--answered-by",
        action="store_true",
        help="let the column answered_by (an agency's id) decide who takes referrals. Without it"
        " the column is ignored, because the author of a file could divert referrals",
    )


def _import(command: NounCommand, options: Options) -> None:
    source, report, dry = options["source"], options["report"], options["dry_run"]
    if options["retry"] and not source:
        raise CommandError("--retry needs --source NAME: the name it was imported under.")
    if report:
        _require_writable(report)
    said = sources.checked(options["license"], options["link"])
    package = read(options["path"], whole=not options["retry"])
    source = source or _remembered(package.name)
    if not dry:
        sources.describe(source, said)  # before, so that what is imported is rendered with it
    outcome: Report = import_package(
        package,
        source,
        progress=partial(_show_progress, command),
        told=Differences(command.stdout.write) if dry else ignore_difference,
        agencies=_agencies() if options["answered_by"] else None,
        dry=dry,
        retry=options["retry"],
        over_edits=options["over_edits"],
        allow_closing=options["allow_closing"],
    )
    with closing(outcome.staging):
        if report:
            write_lines(outcome, report)
        counts = summarise(outcome, command.stdout.write, reported=bool(report), dry=dry)
    _end(source, counts)


def _remembered(name: str) -> str:
    """The name of the file, if a source of that name was imported before. Raises CommandError: a
    second name for the same source would double its directory."""
    organizations = m.Organization.objects.using(JOBS)
    known = sorted(set(organizations.exclude(source="").values_list("source", flat=True)))
    if name in known:
        return name
    raise CommandError(
        "Say which source this is: --source NAME, the same at every import."
        + (f" Imported before: {', '.join(known)}." if known else "")
    )


def _end(source: str, counts: Counter[str]) -> None:
    """End with a status that says whether all lines were taken. Raises CommandError."""
    if not counts["taken"] + counts["mended"]:
        raise CommandError("Nothing was taken.", returncode=NOTHING_TAKEN)
    if waiting := counts["quarantined"]:
        raise CommandError(
            f"Taken in part: {waiting:,} lines are quarantined. To see why: manage.py directory"
            f" quarantine --source {source}",
            returncode=TAKEN_IN_PART,
        )


def _quarantine(command: NounCommand, options: Options) -> None:
    source, folder = options["source"], options["export"]
    if options["imported"] and not folder:
        raise CommandError("--from goes with --export FOLDER.")
    if options["forget_corrections"]:
        command.stdout.write(f"{quarantine.forget_corrections(source)} corrections dropped.")
    found = quarantine.reasons(source)
    if not found:
        command.stdout.write(f"No line of the source {source} is quarantined.")
    for (table, reason), count in sorted(found.items()):
        command.stdout.write(f"{count:>8} {table}: {reason}")
    if corrected := quarantine.corrections(source):
        command.stdout.write(f"{corrected:>8} lines are corrected here.")
    if folder:
        try:
            package = read(options["imported"]) if options["imported"] else None
            count = quarantine.export(source, folder, package)
        except OSError as error:
            raise CommandError(f"{folder} cannot be written: {error.strerror}.") from None
        command.stdout.write(
            f"{count} lines written to {folder}. Correct them, then: manage.py directory import"
            f" {folder} --source {source} --retry"
        )


def _import_postcodes(command: NounCommand, options: Options) -> None:
    command.stdout.write(f"{load(options['path'])} postcodes loaded.")
    count = place_again(partial(_show_progress, command))
    if count:
        command.stdout.write(f"The places of {count} services were placed by them.")


def _show_progress(command: NounCommand, what: str, done: int, total: int) -> None:
    """Show a bar on a terminal, and lines elsewhere."""
    if not total:
        if done:
            command.stderr.write(f"{what} read: {done}", str)
    elif sys.stderr.isatty():
        filled = 40 * done // total
        bar = "#" * filled + "." * (40 - filled)
        end = "\n" if done >= total else ""
        command.stderr.write(f"\r{what} [{bar}] {done}/{total}", str, end)
        command.stderr.flush()
    else:
        command.stderr.write(f"{what}: {done} of {total}", str)


def _require_writable(report: Path) -> None:
    """Check that the report can be written, before hours of import. An existing file stays until
    the import replaces it."""
    if not report.resolve().parent.is_dir():
        raise CommandError(f"The folder for the report {report} does not exist. Make it first.")
    try:
        report.open("a").close()
    except OSError as error:
        raise CommandError(f"The report {report} cannot be written: {error.strerror}.") from None


def _agencies() -> dict[str, UUID]:
    live = Agency.objects.using(JOBS).filter(exercise=None)
    return {str(one): one for one in live.values_list("id", flat=True)}
