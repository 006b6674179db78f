"""`manage.py client show|keys|networks|budget|end|return`: manage existing partner systems."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from jwcrypto import jwk

from api.accounts import sign_in_secrets
from permissions.errors import Refused
from permissions.identity import partner_clients
from permissions.models import Client

EXAMPLES = """\
examples:
  manage.py client show sample-records           # its agency, scopes and keys
  manage.py client show --agency ID              # all of an agency
  manage.py client keys sample-records --keys public-jwks.json
  manage.py client networks sample-records --network 203.0.113.0/24 --network 2001:db8:1::/48
  manage.py client networks sample-records --anywhere
  manage.py client budget sample-records 200     # packets it may open a day
  manage.py client end sample-records            # its tokens end, too
  manage.py client return sample-records

To go from one key to another without a gap: first a set of both, then one of the new key alone.
"""


class Command(BaseCommand):
    help = "Show a partner system; its keys, where it comes from, how much it opens, its end."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXAMPLES
        what = parser.add_subparsers(dest="what", required=True)
        show = what.add_parser("show", help="whose it is, what it may, by which keys")
        show.add_argument("client_id", nargs="?")
        show.add_argument("--agency", type=UUID, help="all of this agency")
        keys = what.add_parser("keys", help="these, in place of those it has")
        keys.add_argument("client_id")
        keys.add_argument("--keys", required=True, type=Path, help="its public keys, a JWK set")
        where = what.add_parser("networks", help="from where it may come, in place of before")
        where.add_argument("client_id")
        which = where.add_mutually_exclusive_group(required=True)
        which.add_argument("--network", action="append", default=[], help="in CIDR form; several")
        which.add_argument("--anywhere", action="store_true", help="a stolen key is good anywhere")
        budget = what.add_parser("budget", help="of how many referrals it opens packets in 24 h")
        budget.add_argument("client_id")
        budget.add_argument("openings_a_day", type=int)
        for name, says in (("end", "it is in no more"), ("return", "and is in again")):
            what.add_parser(name, help=says).add_argument("client_id")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['what']}")(options)
        except Refused as refusal:
            raise CommandError(refusal.detail) from None

    def _show(self, options: dict[str, Any]) -> None:
        if bool(options["client_id"]) == bool(options["agency"]):
            raise CommandError("Name a client, or an agency by --agency.")
        if options["client_id"]:
            found = [partner_clients.find_client(options["client_id"])]
        else:
            found = list(Client.objects.filter(agency_id=options["agency"]).order_by("client_id"))
        for one in found:
            state = "" if one.active else "  (ended)"
            may = ",".join(one.scopes)
            self.stdout.write(f"{one.client_id}  {one.name}  {may}  agency {one.agency_id}{state}")
            self.stdout.write(f"  {_comes_from(one)}")
            self.stdout.write(f"  opens {one.openings_a_day} referrals' packets a day at most")
            for key in one.public_keys["keys"]:
                self.stdout.write(f"  key {jwk.JWK(**key).thumbprint()}  {key['kty']}")

    def _keys(self, options: dict[str, Any]) -> None:
        keys = sign_in_secrets.read_key_set(options["keys"])
        client = partner_clients.change_keys(options["client_id"], keys)
        self.stdout.write(f"client {client.client_id}: {len(client.public_keys['keys'])} keys")

    def _networks(self, options: dict[str, Any]) -> None:
        client = partner_clients.change_networks(options["client_id"], options["network"])
        self.stdout.write(f"client {client.client_id}: {_comes_from(client)}")

    def _budget(self, options: dict[str, Any]) -> None:
        client = partner_clients.change_budget(options["client_id"], options["openings_a_day"])
        most = client.openings_a_day
        self.stdout.write(f"client {client.client_id}: opens {most} referrals' packets a day")

    def _end(self, options: dict[str, Any]) -> None:
        partner_clients.set_active(options["client_id"], False)
        self.stdout.write("It is in no more: open tokens ended, too.")

    def _return(self, options: dict[str, Any]) -> None:
        partner_clients.set_active(options["client_id"], True)
        self.stdout.write("It may fetch tokens again.")


def _comes_from(client: Client) -> str:
    return f"comes from {', '.join(client.networks or ['anywhere'])}"
