"""`manage.py member …`: the operator sees the people of the agencies, and takes rights away."""

from argparse import ArgumentParser
from uuid import UUID

from django.core.management.base import CommandError

from permissions.identity import provisioning
from permissions.management.noun import NounCommand, Options
from permissions.models import ROLES, Membership, Person

SHOW = """\
  manage.py member show c.example
  manage.py member show --agency ID
"""
ROLES_EXAMPLE = """\
  manage.py member roles c.example --agency ID --role worker
"""
END = """\
  manage.py member end c.example --agency ID
"""


class Command(NounCommand):
    help = "Show members, take roles away, end a membership. It adds no one and resets no one."

    def add_verbs(self) -> None:
        show = self.verb(
            "show",
            self._show,
            "Show a member's agencies, roles and ids, or everyone in an agency.",
            "An agency's administrator invites, changes and ends members at the desk, and resets"
            " what they sign in with. `manage.py agency invite` invites the first administrator.",
            examples=SHOW,
        )
        show.add_argument("username", nargs="?", help="the member's user name")
        show.add_argument("--agency", type=UUID, metavar="ID", help="everyone in this agency")
        roles = self.verb(
            "roles",
            self._roles,
            "Leave a member these of their roles, and sign them out.",
            "It gives no role that the member does not have: their administrator does, at the"
            " desk.",
            examples=ROLES_EXAMPLE,
        )
        roles.add_argument("username", help="the member's user name")
        roles.add_argument("--agency", required=True, type=UUID, metavar="ID", help="the agency")
        self._add_roles(roles)
        end = self.verb(
            "end",
            self._end,
            "End a membership. Open sessions end at once.",
            "The agency's administrator lets them come back, at the desk.",
            examples=END,
        )
        end.add_argument("username", help="the member's user name")
        end.add_argument(
            "--agency", type=UUID, metavar="ID", help="in this agency only (default: in all)"
        )
        for name in ("add", "return", "reset"):
            self.removed(
                name, f"member.{name}", "The agency's own people do this, at the desk: Members."
            )

    def _add_roles(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--role",
            action="append",
            required=True,
            choices=ROLES,
            metavar="ROLE",
            help="a role that stays; repeat for several: %(choices)s",
        )

    def _show(self, options: Options) -> None:
        if bool(options["username"]) == bool(options["agency"]):
            raise CommandError("Name either a member, or an agency by --agency ID.")
        members = Membership.objects.using("signin").select_related("person", "agency")
        if options["agency"]:
            members = members.filter(agency_id=options["agency"])
        else:
            person = _person(options)
            state = "can sign in" if person.is_active else "cannot sign in"
            self.stdout.write(f"{person.username}: {state}")
            members = members.filter(person=person)
        for one in members.order_by("person__username", "agency__name"):
            state = "" if one.active and one.person.is_active else "  (ended)"
            self.stdout.write(
                f"{one.person.username}  {one.name}  {','.join(one.roles)}  member {one.id}"
                f"  agency {one.agency_id} {one.agency.name}{state}"
            )

    def _roles(self, options: Options) -> None:
        member = provisioning.take_roles(options["agency"], _person(options), options["role"])
        self.stdout.write(f"member {member.id}: {', '.join(member.roles)}")

    def _end(self, options: Options) -> None:
        provisioning.end_member(_person(options), options["agency"])
        self.stdout.write("Ended. The member's open sessions ended, too.")


def _person(options: Options) -> Person:
    person = provisioning.find_person(options["username"])
    if person is None:
        raise CommandError(
            "No one has this user name. `manage.py member show --agency ID` lists an agency's."
        )
    return person
