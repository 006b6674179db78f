"""`manage.py who_sees_what`: print the table of who sees what, made from the reference model."""

from typing import Any

from django.core.management.base import BaseCommand

from permissions.reference import matrix
from referrals.visible_status import shown_to_sender


class Command(BaseCommand):
    help = "Print the table of who sees what, with its rules and their sources, as Markdown."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(matrix.as_markdown())
        self.stdout.write("## What the sender is shown of the state (T5)\n")
        self.stdout.write("| true state | the sender is shown | seven days after the accept |")
        self.stdout.write("| --- | --- | --- |")
        for line in shown_to_sender():
            self.stdout.write(f"| {line.true} | {line.at_once} | {line.after_a_week} |")
