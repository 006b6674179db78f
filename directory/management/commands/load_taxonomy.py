"""`manage.py load_taxonomy`: loads our own taxonomies into the database."""

from typing import Any

from django.core.management.base import BaseCommand

from directory.taxonomy import bundled


class Command(BaseCommand):
    help = (
        "Load the taxonomies that come with Cairn: needs, victimization, and whom a service is"
        " for, in English and Spanish. Safe to repeat; run it after each upgrade."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        stored = bundled.load()
        self.stdout.write(
            f"Terms: {len(stored.created)} created, {len(stored.changed)} changed,"
            f" {stored.unchanged} as they were."
        )
