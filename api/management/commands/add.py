"""`manage.py add agency|member|client`: add the first ones and all later ones."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from api.accounts import sign_in_secrets
from api.accounts.oauth import SCOPES
from permissions.errors import Refused
from permissions.identity import partner_clients, provisioning
from permissions.models import AGENCY_KINDS, DUTIES, OPENINGS_A_DAY, ROLES, Membership

EXAMPLES = """\
examples:
  manage.py add agency --name "Campus Advocacy" --kind community_advocate \\
      --duty victim_services --duty privilege --duty-phone 406-555-0140
  manage.py add member --agency ID --username c.example --name "Cam Example" --role worker
  manage.py add client --agency ID --client-id campus-records --name "Campus records" \\
      --scope referrals:read --scope referrals:write --keys public-jwks.json \\
      --network 203.0.113.0/24
"""


class Command(BaseCommand):
    help = "Add an agency, a member or a partner system; prints the id, and secrets once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXAMPLES
        what = parser.add_subparsers(dest="what", required=True)
        agency = what.add_parser("agency", help="a tenant: a unit that answers for its people")
        agency.add_argument("--name", required=True)
        agency.add_argument("--kind", required=True, choices=AGENCY_KINDS)
        agency.add_argument("--duty", action="append", default=[], choices=DUTIES)
        agency.add_argument("--time-zone", default="America/Denver")
        agency.add_argument("--duty-phone", default="", help="answered day and night")
        member = what.add_parser("member", help="a person in an agency, with roles")
        member.add_argument("--agency", required=True, type=UUID)
        member.add_argument("--username", required=True, help="an existing person's: second agency")
        member.add_argument("--name", required=True, help="as colleagues read it")
        member.add_argument("--role", action="append", required=True, choices=ROLES)
        client = what.add_parser("client", help="a partner system")
        client.add_argument("--agency", required=True, type=UUID)
        client.add_argument("--client-id", required=True)
        client.add_argument("--name", required=True)
        client.add_argument("--scope", action="append", required=True, choices=sorted(SCOPES))
        client.add_argument("--keys", required=True, type=Path, help="its public JWK set, a file")
        client.add_argument(
            "--network",
            action="append",
            default=[],
            help="it comes from there alone, like 203.0.113.0/24; several; without: anywhere",
        )
        client.add_argument(
            "--openings-a-day",
            type=int,
            default=OPENINGS_A_DAY,
            help="of how many referrals it may open packets or notes within 24 hours (%(default)s)",
        )
        client.add_argument(
            "--system-of-record", action="store_true", help="may open packets, naming staff (R15)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['what']}")(options)
        except Refused as refusal:
            raise CommandError(refusal.detail) from None

    def _agency(self, options: dict[str, Any]) -> None:
        agency = provisioning.add_agency(
            options["name"],
            options["kind"],
            options["duty"],
            options["time_zone"],
            options["duty_phone"],
        )
        self.stdout.write(f"agency {agency.id}")

    def _member(self, options: dict[str, Any]) -> None:
        provisioning.check_roles(options["agency"], options["role"])  # before a person is made
        provisioning.check_text("name", options["name"])
        person, given = provisioning.find_person(options["username"]), None
        if person is None:
            provisioning.check_username(options["username"])
            person, given = sign_in_secrets.new_person(options["username"])
        elif not Membership.objects.using("door").filter(person=person).exists():
            given = sign_in_secrets.renew_secrets(person)  # left by a killed run
        member = provisioning.add_member(
            options["agency"], person, options["name"], options["role"]
        )
        self.stdout.write(f"member {member.id}")
        known = [f"known already: signs in as {person.username}, with what she has"]
        for line in given.lines() if given else known:
            self.stdout.write(line)

    def _client(self, options: dict[str, Any]) -> None:
        client = partner_clients.add_client(
            options["agency"],
            options["client_id"],
            options["name"],
            options["scope"],
            sign_in_secrets.read_key_set(options["keys"]),
            known_scopes=sorted(SCOPES),
            system_of_record=options["system_of_record"],
            from_networks=options["network"],
            openings_a_day=options["openings_a_day"],
        )
        self.stdout.write(f"client {client.client_id}")
