"""`manage.py directory bind|editors`: the agencies that answer for and edit entries."""

from argparse import ArgumentParser
from functools import partial

from django.core.management.base import CommandError

from directory.listings import bind_organization
from directory.models import Organization
from permissions import assignments
from permissions.database.aliases import JOBS
from permissions.management.lookup import find_agency, one_of
from permissions.management.noun import NounCommand, Options
from permissions.models import Agency

BIND_EXAMPLES = """\
  manage.py directory bind "Campus Advocacy Center" "Campus Advocacy"
  manage.py directory bind "Campus Advocacy Center" --none
"""
EDITORS_EXAMPLES = """\
  manage.py directory editors "Campus Advocacy Center"
  manage.py directory editors "Campus Advocacy Center" --add "Campus Advocacy"
"""


def add_verbs(command: NounCommand) -> None:
    """Declare both verbs."""
    bind = command.verb(
        "bind",
        partial(_bind, command),
        "Let an agency answer the referrals to an organization's services, and edit its entries.",
        "With --none the services are phone only again. A referral that was sent before stays where"
        " it is. `directory editors` changes who edits, independently of this. Safe to run twice.",
        examples=BIND_EXAMPLES,
    )
    _add_organization(bind)
    bind.add_argument("agency", metavar="AGENCY", nargs="?", help="its id or exact name")
    bind.add_argument(
        "--none", action="store_true", help="no agency here answers: the services are phone only"
    )
    bind.add_argument(
        "--answer-only", action="store_true", help="do not let the agency edit the entries"
    )
    edit = command.verb(
        "editors",
        partial(_editors, command),
        "List, add or remove the agencies that edit an organization, its services and places.",
        "A removal applies from the agency's next request on. Safe to run twice.",
        examples=EDITORS_EXAMPLES,
    )
    _add_organization(edit)
    change = edit.add_mutually_exclusive_group()
    change.add_argument("--add", metavar="AGENCY", help="its id or exact name")
    change.add_argument("--remove", metavar="AGENCY", help="its id or exact name")


def _add_organization(parser: ArgumentParser) -> None:
    parser.add_argument("organization", metavar="ORGANIZATION", help="its id or exact name")


def _organization(options: Options) -> Organization:
    return one_of(Organization.objects.using(JOBS), options["organization"], "organization")


def _bind(command: NounCommand, options: Options) -> None:
    if options["none"] == bool(options["agency"]):
        raise CommandError("Name an agency, or give --none.")
    organization = _organization(options)
    agency = find_agency(options["agency"]).pk if options["agency"] else None
    count = bind_organization(organization.pk, agency)
    command.stdout.write(f"{count} services changed.")
    if agency and not options["answer_only"] and assignments.allow_editing(organization, agency):
        command.stdout.write("From now on the agency edits the organization's entries.")


def _editors(command: NounCommand, options: Options) -> None:
    organization = _organization(options)
    if options["add"]:
        assignments.allow_editing(organization, find_agency(options["add"]).pk)
    if options["remove"]:
        assignments.end_editing(organization, find_agency(options["remove"]).pk)
    editing = Agency.objects.using(JOBS).filter(id__in=assignments.editing_agencies(organization))
    for agency in editing.order_by("name", "id"):
        command.stdout.write(f"{agency.pk}  {agency.name}")
