"""`manage.py numbers`: whether the counts that outlive the purge are right."""

from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandError

from permissions.management.noun import NounCommand, Options
from referrals.numbers import cells
from referrals.numbers.cells import Cell


class Command(NounCommand):
    help = "The counts that outlive the purge."

    def add_verbs(self) -> None:
        """Declare `check`."""
        self.verb(
            "check",
            self._check,
            "Compare the counts with what they were counted from.",
            "Each cell is compared with the referrals that are not purged and with what the purge"
            " has settled; the cells of a month are compared with each other; and those of a month"
            " of which no referral is left with their seal, a keyed hash. No number is printed."
            " Ends with 1 if anything differs.",
        )

    def _check(self, options: Options) -> Any:
        found = cells.check()
        for words, some in (
            ("not what the referrals say", found.wrong),
            ("does not add up", found.uneven),
        ):
            for line in _lines(some):
                self.stdout.write(f"{line}: {words}")
        for seal in found.broken:
            what = f"the network's {seal.begins.year}" if seal.yearly else f"{seal.begins:%Y-%m}"
            self.stdout.write(f"{what}: not the cells that were sealed")
        if not found.is_right:
            raise CommandError("The counts are not right: deploy/RUNBOOK.md, Counts.")
        self.stdout.write(f"{found.cells} cells and {found.sealed} seals are right.")


def _lines(some: Iterable[Cell]) -> Iterable[str]:
    for one in some:
        whose = f"agency {one.agency_id}" if one.agency_id else "the network"
        yield " ".join(filter(None, (whose, one.side, f"{one.begins}", one.item)))
