"""`manage.py directory_editors`: lists or changes the agencies that edit an organization."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from directory.management.lookup import one_of
from directory.models import Organization
from permissions import assignments
from permissions.database.aliases import JOBS
from permissions.errors import Refused
from permissions.models import Agency


class Command(BaseCommand):
    help = (
        "List the agencies that edit ORGANIZATION, its services and places; or let one more do so"
        " (--add), or one no longer (--remove), which holds from its next request on."
        " Safe to repeat."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("organization", metavar="ORGANIZATION", help="its id or exact name")
        change = parser.add_mutually_exclusive_group()
        change.add_argument("--add", metavar="AGENCY", help="its id or exact name")
        change.add_argument("--remove", metavar="AGENCY", help="its id or exact name")

    def handle(
        self,
        *args: Any,
        organization: str,
        add: str | None,
        remove: str | None,
        **options: Any,
    ) -> None:
        agencies = Agency.objects.using(JOBS)
        about = one_of(Organization.objects.using(JOBS), organization, "organization")
        try:
            if add:
                assignments.allow_editing(about, one_of(agencies, add, "agency").pk)
            if remove:
                assignments.end_editing(about, one_of(agencies, remove, "agency").pk)
        except Refused as refusal:
            raise CommandError(refusal.detail) from None
        for agency in agencies.filter(id__in=assignments.editing_agencies(about)).order_by(
            "name", "id"
        ):
            self.stdout.write(f"{agency.pk}  {agency.name}")
