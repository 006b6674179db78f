"""`manage.py client …`: the operator sees the agencies' partner systems, and takes from them."""

from argparse import ArgumentParser
from uuid import UUID

from django.core.management.base import CommandError
from jwcrypto import jwk

from permissions.identity import partner_clients
from permissions.management.noun import NounCommand, Options
from permissions.models import MOST_OPENINGS, Client

SHOW = """\
  manage.py client show campus-records
  manage.py client show --agency ID
"""
QUOTA = """\
  manage.py client quota campus-records 50
"""


class Command(NounCommand):
    help = "Show partner systems, lower a quota, end access. It adds none and gives none a key."

    def add_verbs(self) -> None:
        show = self.verb(
            "show",
            self._show,
            "Show a partner system's agency, scopes, networks, quota and keys.",
            "An agency's administrator adds its systems at the desk, changes their keys and"
            " networks, and lets one in again that was ended.",
            examples=SHOW,
        )
        show.add_argument("client_id", nargs="?", metavar="CLIENT_ID", help="the client's id")
        show.add_argument("--agency", type=UUID, metavar="ID", help="all clients of this agency")
        quota = self.verb(
            "quota",
            self._quota,
            "Lower for how many referrals a client may open packets or notes within 24 hours.",
            examples=QUOTA,
        )
        self._add_client(quota)
        quota.add_argument(
            "openings_a_day", type=int, metavar="REFERRALS", help=f"1 to {MOST_OPENINGS}"
        )
        end = self.verb("end", self._end, "End a client's access. Its open tokens end at once.")
        self._add_client(end)
        for name, act in (
            *(("add", "add"), ("keys", "change_keys"), ("networks", "change_networks")),
            ("return", "return"),
        ):
            self.removed(
                name,
                f"client.{act}",
                "The agency's administrator does this, at the desk: Partner systems.",
            )

    def _add_client(self, parser: ArgumentParser) -> None:
        parser.add_argument("client_id", metavar="CLIENT_ID", help="the client's id")

    def _show(self, options: Options) -> None:
        if bool(options["client_id"]) == bool(options["agency"]):
            raise CommandError("Name either a client, or an agency by --agency ID.")
        if options["client_id"]:
            found = [partner_clients.find_client(options["client_id"])]
        else:
            found = list(Client.objects.filter(agency_id=options["agency"]).order_by("client_id"))
        for one in found:
            state = "" if one.active else "  (ended)"
            may = ",".join(one.scopes)
            self.stdout.write(f"{one.client_id}  {one.name}  {may}  agency {one.agency_id}{state}")
            self.stdout.write(f"  calls from {', '.join(one.networks or ['anywhere'])}")
            self.stdout.write(f"  {_quota(one)}")
            for key in one.public_keys["keys"]:
                self.stdout.write(f"  key {jwk.JWK(**key).thumbprint()}  {key['kty']}")

    def _quota(self, options: Options) -> None:
        client = partner_clients.lower_quota(options["client_id"], options["openings_a_day"])
        self.stdout.write(f"client {client.client_id}: {_quota(client)}")

    def _end(self, options: Options) -> None:
        partner_clients.end_client(options["client_id"])
        self.stdout.write("Ended. The client's open tokens ended, too.")


def _quota(client: Client) -> str:
    return f"opens packets and notes of at most {client.openings_a_day} referrals in 24 hours"
