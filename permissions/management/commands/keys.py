"""manage.py keys"""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from permissions.errors import Refused
from permissions.keys import rotation


class Command(BaseCommand):
    help = (
        "The agencies' keys, and the one of the background work. `status`: which versions there are"
        " and how many rows each wraps. `rotate`: a new version, and everything rewrapped to it,"
        " while people work; run again after a kill. `destroy`: end all versions but the newest,"
        " for good: older backups of the database open nothing but what is carried over. `restore`:"
        " after an older backup was restored, give what still lives its bundle of today."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["status", "rotate", "destroy", "restore"])
        parser.add_argument("--agency", type=UUID, help="only this one (id); else all, one by one")

    def handle(self, *args: Any, **options: Any) -> None:
        ids = rotation.key_holders()
        if options["agency"]:
            if options["agency"] not in ids:
                raise CommandError("There is no agency of that id.")
            ids = [options["agency"]]
        refused = 0
        for agency_id in ids:
            try:
                getattr(self, f"_{options['what']}")(agency_id)
            except Refused as error:
                if error.code == "no_key" and not options["agency"]:
                    continue
                refused += 1
                self.stderr.write(f"{agency_id}: {error.detail}")
        if refused:
            raise CommandError(f"{refused} of {len(ids)} agencies were not done: see above.")

    def _status(self, agency_id: UUID) -> None:
        found = rotation.status(agency_id)
        held = ", ".join(f"{one} ({found.rows.get(one, 0)} rows)" for one in found.versions)
        self._say(found, held or ("no key" if found.lost else "no key yet"))

    def _rotate(self, agency_id: UUID) -> None:
        done = rotation.rotate(agency_id, self._progress)
        self.stdout.write(f"{agency_id}: version {done.version}, {done.rewrapped} rows rewrapped.")
        if done.unopened:
            self.stderr.write(f"{agency_id}: {done.unopened} rows open to nobody.")

    def _destroy(self, agency_id: UUID) -> None:
        ended = rotation.destroy(agency_id)
        self._say(
            rotation.status(agency_id),
            f"version {ended} and older are gone"
            if ended
            else "nothing older than the newest version",
        )

    def _restore(self, agency_id: UUID) -> None:
        self.stdout.write(f"{agency_id}: {rotation.restore_copies(agency_id)} rows given back.")

    def _say(self, found: rotation.RotationStatus, what: str) -> None:
        lost = "".join(
            f"; LOST: version {one}, {found.rows[one]} rows open to nobody" for one in found.lost
        )
        self.stdout.write(f"{found.agency_id}: {what}{lost}")

    def _progress(self, table: str, done: int) -> None:
        self.stderr.write(f"{table}: {done} rewrapped")
