"""`manage.py bind_organization`: lets an agency answer for an organization and edit it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from directory.listings import bind_organization
from directory.management.lookup import one_of
from directory.models import Organization
from permissions import assignments
from permissions.database.aliases import JOBS
from permissions.errors import Refused
from permissions.models import Agency


class Command(BaseCommand):
    help = (
        "Let AGENCY answer the referrals to all services of ORGANIZATION, and edit its entries, or"
        " (--none) make them phone only again. Referrals already sent stay where they are. Who"
        " edits is changed apart from it by directory_editors. Safe to repeat."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("organization", metavar="ORGANIZATION", help="its id or exact name")
        parser.add_argument("agency", metavar="AGENCY", nargs="?", help="its id or exact name")
        parser.add_argument("--none", action="store_true", help="nobody here: phone only")
        parser.add_argument("--answer-only", action="store_true", help="without editing it")

    def handle(
        self,
        *args: Any,
        organization: str,
        agency: str | None,
        none: bool,
        answer_only: bool,
        **options: Any,
    ) -> None:
        if none == bool(agency):
            raise CommandError("Name an agency, or say --none.")
        bound = one_of(Organization.objects.using(JOBS), organization, "organization")
        agency_id = one_of(Agency.objects.using(JOBS), agency, "agency").pk if agency else None
        try:
            count = bind_organization(bound.pk, agency_id)
            self.stdout.write(f"{count} services changed.")
            if agency_id and not answer_only and assignments.allow_editing(bound, agency_id):
                self.stdout.write("The agency edits the organization's entries from now on.")
        except Refused as refusal:
            raise CommandError(refusal.detail) from None
