"""The marker sweep: every word that was written is looked for in every answer to everybody.

A referral in each state (tests/support/markers.py) × every route that the resolver knows × each
method that it answers × everybody of the cast, asked rightly and wrongly. Whatever stands in
status, headers, cookies or body must be allowed by the table of tests/support/marker_sweep.py; and
so must what stands in the log lines, the server's log, the tables, and the messages.
"""

import contextlib
import io
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command, get_commands

from api import demo
from tests.support import markers as marked
from tests.support import matrix
from tests.support.database import forget_edits
from tests.support.marker_sweep import (
    FACES,
    At,
    Sweep,
    Who,
    _every_route,
    _everybody,
    _of_one,
    asked,
    audits,
    cells,
    search_rows_as_everybody,
    search_tables,
    servers_log,
    shown,
)
from tests.support.marker_sweep import far as far  # a fixture
from tests.support.marker_sweep import lines as lines  # a fixture
from tests.support.markers import Kept, Marker, World
from tests.support.sent_markers import FarEnds, Heard

# -- Who may be told what --------------------------------------------------------------------------


# -- What is asked ---------------------------------------------------------------------------------


# -- The sweep -------------------------------------------------------------------------------------


@pytest.fixture
def sweep(
    api: Any, shift_clock: Any, superuser: Any, lines: io.StringIO, far: FarEnds
) -> Iterator[Sweep]:
    world = World(api, shift_clock, far=far).begin()
    kept = Kept(superuser)
    yield Sweep(world, kept, At(api))
    kept.forget()
    forget_edits()


def test_a_word_is_found_only_where_the_table_allows_it(
    sweep: Sweep, superuser: Any, lines: io.StringIO, far: FarEnds, capsys: Any
) -> None:
    every = asked()
    every.sort(key=lambda cell: not audits(cell))  # later it tells whom her own people asked for

    def tell(line: str) -> None:
        with capsys.disabled():
            print(line, flush=True)

    sweep.over(every, tell)
    search_tables(sweep, superuser)
    search_rows_as_everybody(sweep)
    logged = lines.getvalue()
    assert len(re.findall(r'"event": ?"request"', logged)) >= len(every), "the log was listened to"
    for source, text in (
        ("log line", logged),
        ("server's log", servers_log()),
        *((" ".join(command), said(*command)) for command in SAY),
    ):
        for marker in sweep.world.found_in(text):
            sweep.leak(marker, source)
    search_far_ends(sweep, far)
    with capsys.disabled():
        of_all = sum(1 for face in FACES for _ in cells(face, everything=True))
        print(f"\n{len(every)} cells of {of_all},", end=" ")
        print(f"{sweep.visited - len(every)} tables as somebody,", end=" ")
        print(f"{len(sweep.world.marks)} markers,", end=" ")
        print(", ".join(f"{number} × {code}" for code, number in sorted(sweep.statuses.items())))
        print(", ".join(f"{number} × {where}" for where, number in _counted(far).items()))
    sweep.nothing_leaked()
    assert len(every) >= 5000
    assert sweep.statuses[200] >= 1100, "not all were turned away"
    assert {(cell.method, cell.route) for cell in every} == matrix.served(), "each of them"
    of_one = [cell for cell in every if _of_one(cell)]
    assert {(one.method, one.route, one.state) for one in of_one} == _every_route(), "in each state"
    assert {(one.state, one.who) for one in of_one} == _everybody(), "each of the cast in each"


def _counted(far: FarEnds) -> Counter[str]:
    return Counter(one.where for one in far.heard)


# -- What is sent, and said by commands ------------------------------------------------------------


def search_far_ends(sweep: Sweep, far: FarEnds) -> None:
    """What arrived at a mail server, a phone provider and two agencies' systems, of each state as
    it came to be and of all that has happened since."""
    far.messages()
    far.events(sweep.world.found_in)
    for one in far.heard:
        for marker in one.found if one.where == "hook" else sweep.world.found_in(one.text):
            if one.where != "hook" or not _may_be_sent(marker, one):
                sweep.leak(marker, f"{one.where} {one.whose}")
    world, told = sweep.world, [one for one in far.heard if one.where != "hook"]
    spelt = {state: (word, ", ".join(word)) for state, word in world.references.items()}
    of = {state for state in spelt for one in told if any(w in one.text for w in spelt[state])}
    sent = {state for state, one in marked.STATES.items() if "send" in one.how}
    assert of == sent, "somebody was told of each, and of no draft"
    assert {one.where for one in told} == {"mail", "sms", "voice"}
    hooked = {(one.whose, one.state) for one in far.heard if one.where == "hook"}
    for key in far.hooks:
        due = {(key, state) for state in sent if _at_first(Who(f"{key}.client"), state)}
        assert hooked >= due, due - hooked


def _may_be_sent(marker: Marker, one: Heard) -> bool:
    """Ids of what that side may know."""
    who = Who(f"{one.whose}.client")
    of_both = (marker.kind, marker.side) in (("referral", ""), ("event", who.side))
    return of_both and _at_first(who, marker.state)


def _at_first(who: Who, state: str) -> bool:
    """What is purged by now was shown before."""
    return shown(who, state) or state in marked.EARLY


# What a command says that only looks; the others change something, or are asked for one by name.
SAY = (
    ("messages", "status"),
    ("purge", "--dry-run"),
    ("keys", "status"),
    ("seals", "status"),
    ("directory_reviews",),
    ("who_sees_what",),
    ("client", "show", "--agency", str(demo.agency_id("police"))),
)


CHANGE = {
    *("add", "bind_organization", "code", "database", "directory_editors", "export_hsds"),
    *("generate_directory", "import_hsds", "import_postcodes", "import_taxonomy", "load_taxonomy"),
    *("member", "openapi", "prepare", "refresh_directory", "restored", "run", "set_agency"),
    *("set_clocks", "stop", "walkthrough", "work"),
}


@pytest.mark.no_database
def test_each_command_is_looked_at_or_known_to_do_more_than_look() -> None:
    of = ("api", "permissions", "directory", "referrals")
    ours = {name for name, app in get_commands().items() if app in of}
    assert ours == {name for name, *_ in SAY} | CHANGE


def said(*command: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stderr(out), contextlib.suppress(SystemExit):
        call_command(*command, stdout=out, stderr=out)
    return out.getvalue()
