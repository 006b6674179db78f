"""`manage.py setup`: make the settings of a new server, and check a server that was set up."""

import os
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from api.install import files
from api.install.questions import LINE, NATIONAL, QUESTIONS, Question, together

CODE = Path(__file__).resolve().parents[3]
ALIASES = ("default", "signin", "editor", "auditor", "jobs", "sealer")


class Command(BaseCommand):
    help = (
        "Make the settings of a new server from a few answers: environment files, units, nginx's"
        " configuration, what the database's superuser runs. Secrets are made and never shown. With"
        " --check, check a server that was set up so, and play the drill on it."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--into",
            type=Path,
            default=Path("/etc/cairn"),
            metavar="FOLDER",
            help="where the files go (default: /etc/cairn)",
        )
        parser.add_argument(
            "--replace", action="store_true", help="write over files that are there"
        )
        parser.add_argument(
            "--non-interactive", action="store_true", help="ask nothing: all answers are options"
        )
        parser.add_argument(
            "--check",
            action="store_true",
            help="write nothing: `check --deploy` with every database, then the drill",
        )
        for one in QUESTIONS:
            parser.add_argument(
                f"--{one.name.replace('_', '-')}", metavar="TEXT", help=f"{one.asks}"
            )
        parser.add_argument(
            "--line",
            action="append",
            metavar="NAME;NUMBER;NOTE",
            help="a local number to call in danger, besides the national ones; repeat for several",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        folder = options["into"].absolute()
        if options["check"]:
            self._check(folder)
            return
        if not (CODE / "deploy" / "systemd").is_dir():
            raise CommandError("deploy/ is not here: in a container, env.example says what to set.")
        asks = not options["non_interactive"]
        answers = {one.name: self._answer(one, options[one.name], asks) for one in QUESTIONS}
        lines = [*NATIONAL, *self._lines(options["line"], asks)]
        if wrong := together(answers):
            raise CommandError("Nothing was written. " + " ".join(wrong))
        made = files.make(answers, lines, CODE, folder)
        try:
            if there := files.write(made, folder, answers["user"], options["replace"]):
                raise CommandError(
                    f"Nothing was written: {', '.join(there[:3])} … in {folder} are there already."
                    " With --replace they are written over, with NEW secrets."
                )
            missing = files.make_folders(answers)
        except OSError as error:
            raise CommandError(
                f"{error.filename or folder}: {error.strerror}. Run it as root, or give --into."
            ) from None
        self._say_what_is_next(folder, answers, missing)

    # -- Answers

    def _answer(self, one: Question, given: str | None, asks: bool) -> str:
        """The checked answer. A bad option ends the command; a bad typed one is asked again."""
        if given is None and not asks:
            given = one.default
            if given is None:
                raise CommandError(f"--{one.name.replace('_', '-')} is needed: {one.asks}.")
        if given is not None:
            try:
                return one.check(given) if given or one.default is None else ""
            except ValueError as error:
                raise CommandError(f"--{one.name.replace('_', '-')}: {error}") from None
        return self._typed(one)

    def _typed(self, one: Question) -> str:
        shown = f" [{one.default}]" if one.default else ""
        while True:
            text = self._read(f"{one.asks}{shown}: ").strip() or (one.default or "")
            if not text and one.default == "":
                return ""
            try:
                return one.check(text)
            except ValueError as error:
                self.stdout.write(f"  {error}")

    def _read(self, prompt: str) -> str:
        try:
            return input(prompt)
        except EOFError:
            raise CommandError("No more answers came, so nothing was written.") from None

    def _lines(self, given: list[str] | None, asks: bool) -> list[str]:
        if given is not None or not asks:
            return [self._answer(LINE, one, asks) for one in given or ()]
        found = []
        while line := self._typed(LINE):
            found.append(line)
        return found

    # -- What comes after

    def _say_what_is_next(self, folder: Path, answers: dict[str, str], missing: list[str]) -> None:
        say = self.stdout.write
        say(f"Written to {folder}. Secrets were made, and are in files of mode 0600.")
        for one in missing:
            say(f"Not made: {one}. Make it, for {answers['user']} alone (mode 0700).")
        units = f"{folder}/systemd"
        say("")
        say("Next, as root:")
        say(f"  1. su postgres -c psql < {folder}/database.sql && rm {folder}/database.sql")
        say(
            f"  2. systemctl link {units}/cairn* && systemctl start cairn-migrate && systemctl"
            " enable --now cairn cairn-worker cairn-migrate.timer cairn-nightly.timer"
            f" && cp {folder}/nginx/nginx.conf /etc/nginx/nginx.conf && systemctl restart nginx"
        )
        say(f"  3. {sys.executable} manage.py setup --check --into {folder}")
        if answers["pooler"] == "yes":
            say(f"Before 2., PgBouncer with {folder}/pgbouncer/pgbouncer.ini.")
        if not answers["mail"]:
            say("No mail is set: no one is notified of a referral. RUNBOOK.md, Messages.")

    def _check(self, folder: Path) -> None:
        manage = folder / "manage"
        if not os.access(manage, os.X_OK):
            raise CommandError(f"{manage} is not there: run setup without --check first.")
        databases = [word for alias in ALIASES for word in ("--database", alias)]
        for words in (["check", "--deploy", *databases], ["drill", "run"]):
            self.stdout.write(f"manage.py {' '.join(words[:2])} …")
            self.stdout.flush()
            if subprocess.run([str(manage), *words], check=False).returncode:
                raise CommandError(
                    f"manage.py {words[0]} found trouble: deploy/RUNBOOK.md, Alerts."
                )
        self.stdout.write("This server is set up.")
