"""`manage.py directory_reviews`: lists the services due for review, with their editors."""

from typing import Any

from django.core.management.base import BaseCommand

from directory.editing.reviews import due_everywhere
from directory.projection.render import database_now
from permissions.database.aliases import JOBS
from permissions.models import Agency


class Command(BaseCommand):
    help = (
        "List the open services whose facts nobody has assured for CAIRN_REVIEW_DAYS (180 if not"
        " set), or ever, the longest first, with the agencies that edit them. Changes nothing."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        names = dict(Agency.objects.using(JOBS).values_list("id", "name"))
        found = due_everywhere(database_now(), JOBS)
        if not found:
            self.stdout.write("No service is due to be looked at again.")
        for service, agencies in found:
            day = service.assured_date or "never"
            editors = ", ".join(names.get(one, str(one)) for one in agencies) or "nobody here"
            self.stdout.write(
                f"{day!s:<12}{service.id}  {service.name} ({service.organization_name}): {editors}"
            )
