"""`manage.py directory reviews|refresh`: what keeps the directory up to date."""

from functools import partial

from directory.editing.reviews import due_everywhere
from directory.importing import sources
from directory.importing.import_package import ImportRunning
from directory.projection.reindex import refresh
from permissions.database.aliases import JOBS
from permissions.database.clock import database_now
from permissions.management.noun import NounCommand, Options
from permissions.models import Agency


def add_verbs(command: NounCommand) -> None:
    """Declare both verbs."""
    command.verb(
        "reviews",
        partial(_reviews, command),
        "List the open services that are due for review, with the agencies that edit them.",
        "A service is due if no agency has confirmed its facts for CAIRN_REVIEW_DAYS (default 180)"
        " or ever. The longest overdue come first. Nothing is changed.",
    )
    verb = command.verb(
        "refresh",
        partial(_refresh, command),
        "Do the nightly work: opening hours, search words and postcodes. Run it once a day.",
        'It computes the opening hours of services again, 35 days ahead, so that "open now" stays'
        " right over holidays and clock changes; forgets search words that no entry has any longer;"
        " and places postcodes by the known addresses. Safe to run twice.",
    )
    verb.add_argument(
        "--all",
        action="store_true",
        help="make every entry's documents again; run it after an update whose notes say so",
    )


def _reviews(command: NounCommand, options: Options) -> None:
    names = dict(Agency.objects.using(JOBS).values_list("id", "name"))
    found = due_everywhere(database_now(JOBS), JOBS)
    if not found:
        command.stdout.write("No service is due for review.")
    for service, agencies in found:
        day = service.assured_date or "never"
        editors = ", ".join(names.get(one, str(one)) for one in agencies) or "no agency"
        command.stdout.write(
            f"{day!s:<12}{service.id}  {service.name} ({service.organization_name}): {editors}"
        )


def _refresh(command: NounCommand, options: Options) -> None:
    def show_progress(what: str, done: int, total: int) -> None:
        command.stderr.write(f"{what}: {done} of {total}")

    count = refresh(show_progress, everything=options["all"])
    try:
        sources.finish()
    except ImportRunning as error:
        command.stderr.write(f"{error} What is said of its source waits for the next time.")
    if options["all"]:
        command.stdout.write(f"The documents of {count} services were made again.")
    else:
        command.stdout.write(f"{count} services were due." if count else "Nothing was due.")
