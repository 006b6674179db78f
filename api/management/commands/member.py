"""`manage.py member show|reset|roles|end|return`: manage existing members."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from api.accounts import sign_in_secrets
from permissions.errors import Refused
from permissions.identity import provisioning
from permissions.models import ROLES, Membership, Person

EXAMPLES = """\
examples:
  manage.py member show c.example                # her agencies, roles and ids
  manage.py member show --agency ID              # everybody of an agency
  manage.py member reset c.example               # she lost her phone, or forgot her password
  manage.py member roles c.example --agency ID --role lead --role directory_editor
  manage.py member end c.example --agency ID     # she left; without --agency: every agency
  manage.py member return c.example --agency ID

`reset` prints a new password and one-time-code secret, once, and signs her out wherever she is.
Roles that are taken and memberships that end hold from the next request on; roles that are given,
from her next sign-in.
"""


class Command(BaseCommand):
    help = "Show a member, give her a new password and secret, change her roles, end her access."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXAMPLES
        what = parser.add_subparsers(dest="what", required=True)
        show = what.add_parser("show", help="who she is, where, and as what")
        show.add_argument("username", nargs="?")
        show.add_argument("--agency", type=UUID, help="everybody of this agency")
        reset = what.add_parser("reset", help="a new password and one-time-code secret")
        reset.add_argument("username")
        roles = what.add_parser("roles", help="these, in place of those she has")
        roles.add_argument("username")
        roles.add_argument("--agency", required=True, type=UUID)
        roles.add_argument("--role", action="append", required=True, choices=ROLES)
        for name, says in (("end", "she is in no more"), ("return", "and is in again")):
            one = what.add_parser(name, help=says)
            one.add_argument("username")
            one.add_argument("--agency", type=UUID, help="in this one; without it: everywhere")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['what']}")(options)
        except Refused as refusal:
            raise CommandError(refusal.detail) from None

    def _show(self, options: dict[str, Any]) -> None:
        if bool(options["username"]) == bool(options["agency"]):
            raise CommandError("Name a member, or an agency by --agency.")
        members = Membership.objects.using("door").select_related("person", "agency")
        if options["agency"]:
            members = members.filter(agency_id=options["agency"])
        else:
            person = _person(options)
            self.stdout.write(f"{person.username}: {'open' if person.is_active else 'closed'}")
            members = members.filter(person=person)
        for one in members.order_by("person__username", "agency__name"):
            state = "" if one.active and one.person.is_active else "  (ended)"
            self.stdout.write(
                f"{one.person.username}  {one.name}  {','.join(one.roles)}  member {one.id}"
                f"  agency {one.agency_id} {one.agency.name}{state}"
            )

    def _reset(self, options: dict[str, Any]) -> None:
        for line in sign_in_secrets.renew_secrets(_person(options)).lines():
            self.stdout.write(line)

    def _roles(self, options: dict[str, Any]) -> None:
        member = provisioning.set_roles(options["agency"], _person(options), options["role"])
        self.stdout.write(f"member {member.id}: {', '.join(member.roles)}")

    def _end(self, options: dict[str, Any]) -> None:
        provisioning.set_member_active(_person(options), options["agency"], False)
        self.stdout.write("She is in no more: open sessions ended, too.")

    def _return(self, options: dict[str, Any]) -> None:
        provisioning.set_member_active(_person(options), options["agency"], True)
        self.stdout.write("She may sign in again.")


def _person(options: dict[str, Any]) -> Person:
    person = provisioning.find_person(options["username"])
    if person is None:
        raise CommandError("Nobody signs in by this name: manage.py member show --agency ID.")
    return person
