"""`manage.py ledger …`: the sealed access log: its status, check, export, keys and retention."""

import json
import sys
from pathlib import Path

from django.core.management.base import CommandError

from permissions.audit.writer import log_operator_change
from permissions.health import checks
from permissions.keys import key_folder
from permissions.keys.keystore import key_store
from permissions.ledger import retention, sealed_export, sealer, self_check, verifier, witness
from permissions.management.noun import NounCommand, Options

MOST_UNWITNESSED = 120  # checkpoints: a minute of a busy log, twice as many as the sealer makes


class Command(NounCommand):
    help = "Check, export and look after the sealed access log."
    # The last two are about the witness's file.
    refusals = (retention.RetentionRefused, verifier.Unreadable, OSError, ValueError)

    def add_verbs(self) -> None:
        """In the order in which an operator meets them."""
        self.verb(
            "status",
            self._status,
            "Say how much of the log is sealed, and how much is witnessed.",
            "The exit status is 1 if entries wait too long for their seal, if the witness is"
            " behind, or if the background work found a fault.",
        )
        self.verb(
            "verify",
            self._verify,
            "Check the whole log against its seals, and against the witness's file.",
            "Each fault is printed; the exit status is 1 if there is any.",
        )
        export = self.verb(
            "export",
            self._export,
            "Print the whole log with its seals, for the offline verifier.",
            "permissions/ledger/verifier.py checks the output without any other part of Cairn. The"
            " export is itself recorded in the log.",
            examples="  manage.py ledger export > log.txt\n",
        )
        export.add_argument(
            "--after",
            type=int,
            default=0,
            metavar="SEQ",
            help="begin after this checkpoint (default: the whole log)",
        )
        self.verb("keys", self._keys, "Print the public keys of the seals, as JSON.")
        self.verb(
            "rotate",
            self._rotate,
            "Begin a new signing key for the seals. Earlier seals stay valid.",
        )
        retire = self.verb(
            "retire",
            self._retire,
            "Archive one month of the log that is past its retention, then drop it.",
            "The archive is checked, and its hash is signed into the log, before the month is"
            " dropped. The rest of the log can still be verified. If the command is killed, run it"
            " again with the same folder.",
            examples="  manage.py ledger retire --month 2020-01 --to /srv/archive\n",
        )
        retire.add_argument(
            "--month", required=True, metavar="YYYY-MM", help="the month to archive and drop"
        )
        retire.add_argument(
            "--to", required=True, type=Path, metavar="FOLDER", help="the folder for the archive"
        )

    def _status(self, options: Options) -> None:
        last, held = sealer.newest_checkpoint(), witness.last_witnessed()
        if last is None:
            self.stdout.write("Nothing is sealed yet. Start `manage.py worker run`, which seals.")
        else:
            self.stdout.write(
                f"Sealed: {last.size} entries, up to checkpoint {last.seq} of"
                f" {last.signed_content['time']}."
            )
        self.stdout.write(f"Not sealed yet: {sealer.count_unsealed()}.")
        if sealer.is_restored_backup():
            self.stdout.write(sealer.NotRestored.detail)
        self.stdout.write(
            f"Witnessed: up to checkpoint {held.seq}, in {witness.witness_file()}."
            if held
            else "Nothing is witnessed yet."
        )
        self._refuse_trouble(last.seq if last else 0, held.seq if held else 0)

    def _refuse_trouble(self, sealed: int, witnessed: int) -> None:
        """Raises CommandError if the seals are not as they should be."""
        found = checks.figures("sealer")
        wrong = []
        if found.restored:
            wrong.append("nothing is sealed since a backup was restored")
        if (found.seal_lag_s or 0) > checks.SEAL_LATE_S:
            wrong.append(f"an entry has waited {found.seal_lag_s:.0f} s for its seal")
        if found.faults:
            wrong.append(f"the background work found {found.faults} faults")
        if sealed - witnessed > MOST_UNWITNESSED:
            wrong.append(f"{sealed - witnessed} checkpoints are not witnessed")
        if wrong:
            raise CommandError(
                f"In trouble: {'; '.join(wrong)}. deploy/RUNBOOK.md, The seals of the access log."
            )

    def _export(self, options: Options) -> None:
        log_operator_change("access_log.export", None)
        for number, line in enumerate(sealed_export.lines(options["after"]), 1):
            self.stdout.write(line)
            if number % verifier.PROGRESS_EVERY == 0:
                self.stderr.write(f"{number:,} lines")

    def _keys(self, options: Options) -> None:
        self.stdout.write(json.dumps(sealed_export.public_keys(), indent=1))

    def _verify(self, options: Options) -> None:
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
            raise CommandError(
                f"{faults} faults. Keep the database, the witness's file and this output as they"
                " are: deploy/RUNBOOK.md, The seals of the access log."
            )
        if sealer.is_restored_backup():
            raise sealer.NotRestored
        self.stdout.write("As it was sealed.")

    def _rotate(self, options: Options) -> None:
        key_folder.join("default")
        log_operator_change(
            "seal.rotate", None
        )  # before the act: the key store is not part of a transaction
        self.stdout.write(
            f"From now on the log is sealed with key {key_store().begin_signing_key()}."
        )

    def _retire(self, options: Options) -> None:
        text, folder = options["month"], options["to"]
        if not folder.is_dir():
            raise CommandError(f"There is no folder {folder}. Make it first.")
        try:
            month = retention.Month.read(text)
        except ValueError:
            raise CommandError(f"{text} is not a month. Write it like 2020-01.") from None
        done = retention.retire_month(month, folder, self.stdout.write)
        what = "dropped" if done.dropped else "already dropped before"
        self.stdout.write(f"{month}: {done.entries} entries, {what}; SHA-256 {done.archive}.")
