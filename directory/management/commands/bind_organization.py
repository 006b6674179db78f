"""`manage.py bind_organization`: let an agency answer the services of an organization."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet

from directory.listings import bind_organization
from directory.models import Organization
from directory.rendering import JOBS
from permissions.models import Agency


class Command(BaseCommand):
    help = (
        "Let AGENCY answer the referrals to all services of ORGANIZATION, or (--none) make them"
        " phone only again. Referrals already sent stay where they are. Safe to repeat."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("organization", metavar="ORGANIZATION", help="its id or exact name")
        parser.add_argument("agency", metavar="AGENCY", nargs="?", help="its id or exact name")
        parser.add_argument("--none", action="store_true", help="nobody here: phone only")

    def handle(
        self, *args: Any, organization: str, agency: str | None, none: bool, **options: Any
    ) -> None:
        if none == bool(agency):
            raise CommandError("Name an agency, or say --none.")
        bound = _one(Organization.objects.using(JOBS), organization, "organization")
        agency_id = _one(Agency.objects.using(JOBS), agency, "agency").pk if agency else None
        count = bind_organization(bound.pk, agency_id)
        self.stdout.write(f"{count} services changed.")


def _one(rows: QuerySet[Any], asked: str, what: str) -> Any:
    """The only row with this id or name."""
    try:
        found = rows.filter(id=UUID(asked))
    except ValueError:
        found = rows.filter(name=asked)
    if len(found) != 1:
        there = "no" if not found else "more than one"
        raise CommandError(f"There is {there} {what} {asked!r}. Name it by its id.")
    return found[0]
