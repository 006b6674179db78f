"""`manage.py drill …`: prove that this server, or a restored copy, opens a referral's packet."""

import os
from contextlib import ExitStack

from api.drill import web_server
from api.drill.smoke_test import Differs, SmokeTest
from permissions.ledger import sealer
from permissions.management.noun import NounCommand, Options
from permissions.practice.drill import DrillFault
from referrals.drill import standing

RUN = """\
  manage.py drill run
  manage.py drill run --url http://127.0.0.1:8000
  manage.py drill run --in-process
"""


class Command(NounCommand):
    help = (
        "Play one invented referral between two agencies that are no one's: a smoke test. No real"
        " agency can refer to them, nor they to one."
    )
    requires_system_checks: list[str] = []
    refusals = (Differs, DrillFault)

    def add_verbs(self) -> None:
        run = self.verb(
            "run",
            self._run,
            "Play a referral of the drill against the web server, from start to purge.",
            "Prints each step; exit status 1 at the first that differs. No one is notified, nothing"
            " is counted, and nothing but its entries of the access log is left. Needs the URLs of"
            " app, signin and jobs, and the keys.",
            examples=RUN,
        )
        where = run.add_mutually_exclusive_group()
        where.add_argument(
            "--url",
            metavar="URL",
            help="where the web server listens (default: http:// and CAIRN_BIND)",
        )
        where.add_argument(
            "--in-process",
            action="store_true",
            help="serve it from this process, and seal here: no web server or worker has to run"
            " (needs the URL of sealer)",
        )
        self.verb(
            "make",
            self._make,
            "Make the drill's agencies and its referral, or renew what is near its end.",
            "The nightly backup then holds a packet that a restore can open. Twice is safe.",
        )
        self.verb(
            "open",
            self._open,
            "Open the packet of the drill, as its recipient, by the real rules and keys.",
            "For a copy that was restored. It makes nothing but the entry in the access log.",
        )

    def _run(self, options: Options) -> None:
        with ExitStack() as stack:
            if options["in_process"]:
                address, seal = stack.enter_context(web_server.of_this_process()), sealer.step
            else:
                bind = os.environ.get("CAIRN_BIND") or "127.0.0.1:8000"
                address, seal = options["url"] or f"http://{bind}", _nothing
            SmokeTest(web_server.Web(address), self._say, seal).run()
        self.stdout.write("All steps are as they must be.")

    def _make(self, options: Options) -> None:
        found = standing.make_drill()
        what = "Made" if found.made else "There already"
        self.stdout.write(f"{what}: its packet opens until {found.opens_until:%Y-%m-%d %H:%M} UTC.")

    def _open(self, options: Options) -> None:
        opened = standing.open_drill_packet()
        self.stdout.write(f"Opened {len(opened.fields)} fields; entry {opened.entry_id}.")

    def _say(self, step: str, well: bool) -> None:
        self.stdout.write(f"{'✓' if well else '✗'} {step}")
        self.stdout.flush()


def _nothing() -> bool:
    return False
