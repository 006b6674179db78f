"""manage.py restored"""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import connections


class Command(BaseCommand):
    help = (
        "After the database was restored, before anybody is let in: in a new cluster transactions"
        " are counted from the beginning, and events would be fed to nobody. This goes on counting"
        " above all that was fed. Where the cluster is the old one it changes nothing. Twice is"
        " safe."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        with connections["jobs"].cursor() as cursor:
            cursor.execute("SELECT sec.count_on()")
            ((moved,),) = cursor.fetchall()
        self.stdout.write("Goes on counting above." if moved else "Nothing to do.")
