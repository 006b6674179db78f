"""manage.py seals"""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from permissions.audit.writer import log_operator_change
from permissions.errors import Refused
from permissions.keys.keystore import key_store
from permissions.ledger import retention, sealed_export, sealer, self_check, verifier, witness


class Command(BaseCommand):
    help = (
        "The seals of the access log. `status`: how far it is sealed and witnessed. `export`: all"
        " of it with its seals, as lines for the verifier (permissions/ledger/verifier.py, which"
        " needs nothing else of this); itself an entry. `keys`: the public keys, as JSON."
        " `verify`: check it here and now, and against the witness's file. `rotate`: a new key"
        " seals from now on; old seals stay valid. `restore`: once, after the database was"
        " restored from a backup and before it serves: what the witness holds and the backup has"
        " lost is signed into the log as a gap. `retire --month 2020-01 --to FOLDER`: a month"
        " older than the log is kept is written to an archive there, signed off in the log, and"
        " dropped; what is left goes on to verify."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = ["status", "export", "keys", "verify", "rotate", "restore", "retire"]
        parser.add_argument("what", choices=what)
        parser.add_argument(
            "--after", type=int, default=0, metavar="SEQ", help="export: behind this checkpoint"
        )

        parser.add_argument(
            "--unwitnessed",
            action="store_true",
            help="restore: the witness's file is no more",
        )
        parser.add_argument("--month", metavar="YYYY-MM", help="retire: which")
        parser.add_argument("--to", type=Path, metavar="FOLDER", help="retire: where it is kept")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['what']}")(options)
        except Refused as error:
            raise CommandError(error.detail) from error
        except (retention.RetentionRefused, verifier.Unreadable, OSError, ValueError) as error:
            raise CommandError(str(error)) from error  # the last three are about the witness's file

    def _status(self, options: dict[str, Any]) -> None:
        last, held = sealer.newest_checkpoint(), witness.last_witnessed()
        if last is None:
            self.stdout.write("Nothing is sealed yet. Does `manage.py work` run?")
        else:
            self.stdout.write(
                f"Sealed: {last.size} entries, checkpoint {last.seq} of"
                f" {last.signed_content['time']}."
            )
        self.stdout.write(f"Not sealed yet: {sealer.count_unsealed()}.")
        if sealer.is_restored_backup():
            self.stdout.write(sealer.NotRestored.detail)
        self.stdout.write(
            f"Witnessed: checkpoint {held.seq}, in {witness.witness_file()}."
            if held
            else "No witness yet."
        )

    def _export(self, options: dict[str, Any]) -> None:
        log_operator_change("access_log.export", None)
        for number, line in enumerate(sealed_export.lines(options["after"]), 1):
            self.stdout.write(line)
            if number % verifier.PROGRESS_EVERY == 0:
                self.stderr.write(f"{number:,} lines")

    def _keys(self, options: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(sealed_export.public_keys(), indent=1))

    def _verify(self, options: dict[str, Any]) -> None:
        chain, faults = verifier.Chain(sealed_export.public_keys()), 0
        held = witness.length()  # before the read, which has no checkpoint witnessed later
        found = list(verifier.check(sealed_export.verifier_lines(), chain, sys.stderr))
        found += verifier.compare(witness.lines(held), chain)
        self_check.record_full_check(found)
        for fault in found:
            faults += 1
            self.stdout.write(f"FAULT: {fault.what}: {fault.where}")
        for line in verifier.summary(chain):
            self.stdout.write(ascii(line)[1:-1])
        if faults:
            raise CommandError(f"{faults} faults.")
        if sealer.is_restored_backup():
            raise sealer.NotRestored
        self.stdout.write("As it was sealed.")

    def _rotate(self, options: dict[str, Any]) -> None:
        log_operator_change(
            "seal.rotate", None
        )  # before the act: the key store is not part of a transaction
        self.stdout.write(f"Key {key_store().begin_signing_key()} seals from now on.")

    def _restore(self, options: dict[str, Any]) -> None:
        if not (witness.length() or options["unwitnessed"]):
            raise CommandError(
                f"{witness.witness_file()} is not there: what the backup has lost is known to the"
                " witness alone. Bring its file back; or say --unwitnessed, and no gap is signed."
            )
        gap = witness.lost_since_backup()
        made = sealer.restore(gap)
        lost = f"; {gap['entries']} entries are lost, and the log says so" if gap else ""
        self.stdout.write(f"Checkpoint {made.seq}: {made.size} entries sealed{lost}.")

    def _retire(self, options: dict[str, Any]) -> None:
        month, folder = options["month"], options["to"]
        if month is None or folder is None:
            raise CommandError(
                "Say which: --month 2020-01, and where its archive goes: --to FOLDER."
            )
        if not folder.is_dir():
            raise CommandError(f"{folder}: there is no such folder.")
        try:
            chosen = retention.Month.read(month)
        except ValueError:
            raise CommandError(f"{month} is no month: write it like 2020-01.") from None
        done = retention.retire_month(chosen, folder, self.stdout.write)
        what = "was dropped" if done.dropped else "had left before"
        self.stdout.write(f"{month}: {done.entries} entries, {what}; SHA-256 {done.archive}.")
