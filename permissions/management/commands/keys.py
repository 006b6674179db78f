"""`manage.py keys status|rotate|destroy|copy|rebind`: the encryption and binding keys."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from permissions.database.aliases import JOBS
from permissions.enrollment import invitation_rows
from permissions.errors import Refused
from permissions.identity import credentials, row_macs
from permissions.keys import key_folder, rotation, second_copy
from permissions.management.noun import NounCommand, Options


class Command(NounCommand):
    help = "Inspect, rotate or destroy the agencies' keys and the background work's key."

    def add_verbs(self) -> None:
        """Each works on one agency's key, or on all keys."""
        self._add(
            "status",
            self._status,
            "List the versions of each key, and how many rows each version wraps.",
            "LOST means that rows need a version which the key store no longer has. The exit status"
            " is 1 if any is lost, or if the second copy does not open what is wrapped now.",
        )
        self._add(
            "rotate",
            self._rotate,
            "Begin a new version of each key, and rewrap every row with it.",
            "People can go on working meanwhile. If the command is killed, run it again.",
        )
        self._add(
            "destroy",
            self._destroy,
            "Destroy every version but the newest, for good. Rotate first.",
            "After this, an older backup of the database opens only what the key store's saved"
            " copies cover.",
        )

        self.verb(
            "copy",
            self._copy,
            "Bring the second copy of the key folder (CAIRN_KEY_COPY) up to date.",
            "The background work does it every five minutes, and before a key ends.",
        )
        self.verb(
            "adopt",
            self._adopt,
            "Take this server's key folder (CAIRN_KEY_FOLDER) for the one that all servers share.",
            "Only if the folder that they shared is gone for good: a server that still uses it"
            " refuses to work from then on. The keys that the database names and this folder"
            " lacks are listed first; with --anyway they do not hinder it.",
        ).add_argument("--anyway", action="store_true", help="also if keys are missing")
        self.verb(
            "hosts",
            self._hosts,
            "List the servers that use the key folder now.",
            "The exit status is 1 if this server may not use its folder.",
        )
        self.verb(
            "rebind",
            self._rebind,
            "Make a new key for what lets people in, and bind every row by it.",
            "Everyone signs in again, and partner systems ask for new tokens. Do it when the key"
            " folder may have been copied. If the command is killed, run it again.",
        )

    def _copy(self, options: Options) -> None:
        if not second_copy.kept_by_server():
            self.stdout.write("The keys are in Vault, which keeps copies of its own.")
            return
        key_folder.join(JOBS)
        written = second_copy.mirror()
        self.stdout.write(f"{written} files written. The second copy is up to date.")

    def _adopt(self, options: Options) -> None:
        lacking = key_folder.missing(JOBS)
        for one in lacking:
            self.stderr.write(f"missing: version {one.split()[1]} of the key of {one.split()[0]}")
        if lacking and not options["anyway"]:
            raise CommandError(f"{len(lacking)} keys are missing in this folder: nothing changed.")
        key_folder.adopt(JOBS)
        self.stdout.write("This folder is the one that all servers share from now on.")

    def _hosts(self, options: Options) -> None:
        here = key_folder.host_code()
        try:
            key_folder.join(JOBS)
        finally:
            for host, proven, seen_s in key_folder.hosts(JOBS):
                state = "uses the folder" if proven else "waits for a sign of another server"
                this = " (this server)" if host == here else ""
                self.stdout.write(f"{host}{this}: {state}, seen {seen_s:.0f} s ago")

    def _rebind(self, options: Options) -> None:
        key_folder.join(JOBS)
        number = row_macs.rebind(lambda done: self.stderr.write(f"{done} rows", ending="\r"))
        credentials.end_all()
        ended = invitation_rows.end_all()
        self.stdout.write(
            f"{number} rows are bound by a new key. All sign-ins ended, and {ended} open links of"
            " invitations and resets: their agencies make new ones."
        )

    def _add(self, name: str, act: Callable[[UUID], None], summary: str, more: str) -> None:
        verb = self.verb(name, lambda options: self._each(act, options), summary, more)
        verb.add_argument(
            "--agency", type=UUID, metavar="ID", help="only this agency's key (default: all keys)"
        )

    def _each(self, act: Callable[[UUID], None], options: dict[str, Any]) -> None:
        ids = rotation.key_holders()
        if options["agency"]:
            if options["agency"] not in ids:
                raise CommandError(
                    "No agency has this id. `manage.py agency show` lists all agencies."
                )
            ids = [options["agency"]]
        refused = 0
        for agency_id in ids:
            try:
                act(agency_id)
            except Refused as error:
                if error.code == "no_key" and not options["agency"]:
                    continue
                refused += 1
                self.stderr.write(f"{agency_id}: {error.detail}")
            except CommandError as error:
                refused += 1
                self.stderr.write(f"{agency_id}: {error}")
        if refused:
            raise CommandError(f"{refused} of {len(ids)} keys failed: see above.")

    def _status(self, agency_id: UUID) -> None:
        found = rotation.status(agency_id)
        held = ", ".join(f"version {one} ({found.rows.get(one, 0)} rows)" for one in found.versions)
        self._report(found, held or ("no key" if found.lost else "no key yet"))
        if found.versions and second_copy.kept_by_server():
            copy = second_copy.copied(agency_id)
            state = "opens what is wrapped now" if copy.current else "IS BEHIND: run keys copy"
            versions = ", ".join(map(str, copy.versions)) or "none"
            self.stdout.write(f"{agency_id}: the second copy has version {versions}; it {state}")
            if not copy.current:
                raise CommandError("the second copy is behind")
        if found.lost:
            raise CommandError("rows cannot be opened by any key")

    def _rotate(self, agency_id: UUID) -> None:
        done = rotation.rotate(agency_id, self._show_progress)
        self.stdout.write(f"{agency_id}: version {done.version}, {done.rewrapped} rows rewrapped.")
        if done.unopened:
            self.stderr.write(f"{agency_id}: {done.unopened} rows cannot be opened by any key.")

    def _destroy(self, agency_id: UUID) -> None:
        ended = rotation.destroy(agency_id)
        self._report(
            rotation.status(agency_id),
            f"version {ended} and older are destroyed"
            if ended
            else "there is nothing older than the newest version",
        )

    def _report(self, found: rotation.RotationStatus, what: str) -> None:
        lost = "".join(
            f"; LOST: version {one}, {found.rows[one]} rows cannot be opened" for one in found.lost
        )
        self.stdout.write(f"{found.agency_id}: {what}{lost}")

    def _show_progress(self, table: str, done: int) -> None:
        self.stderr.write(f"{table}: {done} rewrapped")
