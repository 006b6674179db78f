"""`manage.py prepare`: migrate, load Cairn's taxonomies, and load the demo network once."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from api.dev import demo, demo_card, demo_figures
from api.dev.cast import CAST
from directory.postcodes import derive, is_loaded, load
from directory.projection.reindex import look_ahead, place_again
from directory.taxonomy import bundled

# The demo's ZIP codes, roughly where they are.
POSTCODES = Path(demo.__file__).parent / "postcodes.csv"


class Command(BaseCommand):
    help = (
        "Migrate the database, load Cairn's taxonomies, and compute opening hours ahead. For the"
        " demo on this machine, also load the demo network once, and a table of its ZIP codes"
        " unless one is loaded. Safe to run twice."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write("Migrating …")
        call_command("migrate", verbosity=0)
        bundled.load()
        look_ahead(self._progress)  # the other nightly jobs need not run at each start
        if not settings.LOOPBACK:
            return
        if not is_loaded():
            self.stdout.write(f"{load(POSTCODES)} ZIP codes loaded.")
        place_again(lambda *_: None)  # also after a start that was stopped between the two
        path = settings.HOME / "demo.json"
        if path.exists():
            content = json.loads(path.read_text())
            urls = {"base_url": settings.BASE_URL, "token_url": settings.TOKEN_URL}
            if content | urls != content:
                demo.write(path, content | urls)
            demo.confirm()
            demo.sign_terms()
            return
        from directory.demo import loader as directory_demo

        self.stdout.write("Loading the demo network …")
        content = demo.load(lambda line: self.stdout.write(f"  {line}"))
        directory_demo.load_demo({unit.key: demo.agency_id(unit.key) for unit in CAST})
        demo.keep_channels()
        demo.keep_rotas()
        demo.sign_terms()
        demo_card.switch_on()
        demo_figures.count()
        derive()
        self.stdout.write("  the directory around Missoula")
        demo.write(path, content)  # last: the file means that everything is loaded

    def _progress(self, what: str, done: int, total: int) -> None:
        if done == total:
            self.stdout.write(f"Opening hours computed ahead for {total} {what}.")
