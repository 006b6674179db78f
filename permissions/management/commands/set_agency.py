"""manage.py set_agency"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from permissions.errors import Refused
from permissions.identity import provisioning
from permissions.models import Agency

EXAMPLES = """\
examples:
  manage.py set_agency "Campus Advocacy" --takes-notices no      # phone only from now on
  manage.py set_agency ID --outside-reviewer MEMBER_ID           # an agency of one
  manage.py set_agency ID --retention-days 60 --duty-phone 406-555-0140
  manage.py set_agency ID --active no                            # none of its people comes in
"""
YES_NO = {"yes": True, "no": False}


class Command(BaseCommand):
    help = (
        "Set whether an agency takes referrals here or by phone only, who outside reviews what\n"
        "its only lead assigns to herself, how long it keeps its part, and whether it is in.\n"
        "Without options it says what counts now. Its clocks: set_clocks."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXAMPLES
        parser.add_argument("agency", help="its name, or its id")
        parser.add_argument("--takes-notices", choices=YES_NO, help="no: phone only")
        parser.add_argument(
            "--outside-reviewer", metavar="MEMBER_ID", help="of another agency; 'none' for nobody"
        )
        parser.add_argument("--retention-days", type=int, help="7 to 3650, after a referral's end")
        parser.add_argument("--duty-phone", help="answered day and night; '' for none")
        parser.add_argument("--active", choices=YES_NO, help="no: nobody of it comes in")

    def handle(self, *args: Any, **options: Any) -> None:
        asked = {
            "takes_notices": YES_NO.get(options["takes_notices"]),
            "outside_reviewer": options["outside_reviewer"],
            "retention_days": options["retention_days"],
            "duty_phone": options["duty_phone"],
            "active": YES_NO.get(options["active"]),
        }
        try:
            agency = provisioning.set_agency(
                options["agency"], {name: one for name, one in asked.items() if one is not None}
            )
        except Refused as refusal:
            raise CommandError(refusal.detail) from None
        self._say(agency)

    def _say(self, agency: Agency) -> None:
        self.stdout.write(f"agency {agency.id} {agency.name}")
        self.stdout.write("referrals: " + ("here" if agency.takes_notices else "by phone only"))
        self.stdout.write(f"outside reviewer: {agency.outside_reviewer_id or 'none'}")
        self.stdout.write(f"retention: {agency.retention_days} days")
        self.stdout.write(f"duty phone: {agency.duty_phone or 'none'}")
        self.stdout.write("in" if agency.active else "not in: none of its people comes in")
