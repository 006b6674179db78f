"""One run: every mutant before its judges, quick ones first; then the table and the verdict."""

import inspect
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from tests.mutate import code, reach, sql
from tests.mutate.equivalent import EQUIVALENT
from tests.mutate.judges import JUDGES, NO_JUDGES, rooms_of
from tests.mutate.sql import Mutant
from tests.support.ground.one_database import ONE_DATABASE

TESTS = Path(__file__).resolve().parent.parent
COURTS = ("courts.py", "courts_directory.py")
_READING = str(TESTS / "mutate" / "courts.py::test_the_catalogue_is_read")
SLOWEST_S = 60  # a test that a mutant keeps from ending has seen it
JUDGING_S = 20  # over one mutant of a function: some are called by the whole suite
JUDGING_POLICY_S = 120  # the suite names `referral` nearly everywhere


class Campaign:
    """A pytest plugin: collects the judges, and instead of running them all, tries the mutants."""

    def __init__(
        self,
        only: str | None,
        part: tuple[int, int] = (1, 1),
        *,
        listing: bool = False,
        by: list[str] | None = None,
    ) -> None:
        self.only = re.compile(only) if only else None
        self.part = part
        self.listing = listing
        self.by = by
        self.mutants: list[Mutant] = []
        self.caught: dict[str, tuple[str, float]] = {}  # mutant → judge, seconds
        self.spent: dict[str, float] = {}
        self.tables_asking: dict[str, list[str]] = {}  # by function
        self.sound: set[str] = set()  # tests that pass where nothing is weakened
        self.reached = reach.read()
        self.session: Any = None
        self.superuser: Any = None

    @pytest.fixture(name="campaign")
    def itself(self) -> "Campaign":
        return self

    # -- The course of a run

    def pytest_configure(self, config: pytest.Config) -> None:
        """One database for all: tests of many files follow each other, one at a time."""
        config.stash[ONE_DATABASE] = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: Any) -> bool:
        self.session = session
        if session.testsfailed:
            raise session.Interrupted("the judges could not be collected")
        courts = [one for one in session.items if Path(one.fspath).name in COURTS]
        judges = [
            one for one in session.items if one not in courts and not NO_JUDGES.search(one.nodeid)
        ]
        for court in courts:
            if court is courts[0] or not self.listing:
                problem = self._failure(court, 0)  # as long as it takes
                if problem:
                    raise session.Interrupted(f"{court.name}: {problem}")
        if self.listing:
            for mutant in self.mutants:
                self.say(f"{mutant.kind:9}{mutant.name}")
            return True
        self._try_all(judges)
        return True

    def begin(self, database: str) -> None:
        """Read every mutant there is; by a connection that outlives the test that begins it."""
        from tests.support.ground.cluster import own_cluster

        superuser = self.superuser = own_cluster().connect_superuser(database)
        found = [
            *sql.of_policies(superuser),
            *sql.of_functions(superuser),
            *code.of_rules(),
            *code.of_checks(),
        ]
        self.tables_asking = sql.tables_asking(superuser)
        names = [one.name for one in found]
        twice = sorted(name for name in set(names) if names.count(name) > 1)
        assert not twice, f"two mutants of one name: {twice}"
        fitting = [one for one in found if not self.only or self.only.search(one.name)]
        number, of = self.part
        self.mutants = fitting[number - 1 :: of]

    def left(self) -> list[Mutant]:
        return [one for one in self.mutants if one.name not in self.caught]

    def judge(
        self,
        court: str,
        concerns: Callable[[Mutant], bool],
        leak: Callable[[Mutant], str | None],
    ) -> None:
        """Every mutant that concerns this court, which must find nothing where there is none."""
        mine = [one for one in self.left() if concerns(one)]
        for mutant in mine:
            began = time.monotonic()
            with mutant.applied():
                found = leak(mutant)
            self._spent(mutant, began)
            if found:
                self._caught(mutant, f"{court}: {found}")
        for mutant in mine[-1:]:
            assert leak(mutant) is None, f"{court} finds what is not there: {leak(mutant)}"

    def stay_signed_in(self) -> None:
        """Extend every session: a token lives five minutes, and a court takes longer."""
        with self.superuser.cursor() as cursor:
            cursor.execute("UPDATE credential SET expires_at = expires_at + interval '1 day'")
        from tests.support.people.binding import (
            bind_credentials,  # a model: pytest has set Django up
        )

        bind_credentials()

    def _try_all(self, judges: list[Any]) -> None:
        """What a judge caught that fails by itself by then is tried again without it: a mutant may
        have left in the log, which is never emptied, what no seal fits."""
        for mutant in self.left():
            self._try(mutant, judges)
        self.sound.clear()
        said = {judge for judge, _ in self.caught.values()}
        worn = [one for one in judges if _short(one.nodeid) in said and self._failure(one)]
        by_them = {_short(one.nodeid) for one in worn}
        again = [
            one
            for one in self.mutants
            if one.name in self.caught and self.caught[one.name][0] in by_them
        ]
        for mutant in again:
            self.say(f"{'again':9}{'':8}  {mutant.name}")
            del self.caught[mutant.name], self.spent[mutant.name]
        for mutant in again:
            self._try(mutant, [one for one in judges if one not in worn])

    def _try(self, mutant: Mutant, judges: list[Any]) -> None:
        began = time.monotonic()
        wanted = self._judges_of(mutant, judges)
        found = next((one.nodeid for one in wanted if self._sees(one, mutant)), None)
        self._spent(mutant, began)
        if found:
            self._caught(mutant, _short(found))
            judges.sort(key=lambda one: one.nodeid != found)  # the next is often seen by the same
        elif mutant.name in EQUIVALENT:
            self.say(f"{'same':9}{self.spent[mutant.name]:6.1f} s  {mutant.name}")
        else:
            self.say(f"{'SURVIVES':9}{self.spent[mutant.name]:6.1f} s  {mutant.name}")

    def _judges_of(self, mutant: Mutant, judges: list[Any]) -> list[Any]:
        """Tests that name what is weakened, then those of its room; what saw the last one, first.
        None where a court has looked at every row already: it is the suite's own probe."""
        if self.by:
            return list(judges)
        if mutant.kind == "policy" and mutant.name in self.spent:
            return []
        if mutant.kind == "function" and self.reached and (mine := self._calling(mutant, judges)):
            return mine
        word = re.compile(rf"\b(sec\.)?{mutant.about}\b")
        files = [f"test_{name}.py" for name in rooms_of(mutant)]
        if mutant.kind in ("function", "policy"):
            files = [
                *(p.name for p in TESTS.rglob("test_*.py") if word.search(p.read_text())),
                *files,
            ]
        order = {name: number for number, name in reversed(list(enumerate(files)))}
        mine = [one for one in judges if Path(one.fspath).name in order]
        recent = [one for one in mine[:1] if one is judges[0]]
        by_name = mutant.kind in ("function", "policy")
        naming = {id(one) for one in mine if by_name and word.search(_source(one))}
        mine.sort(key=lambda one: (id(one) not in naming, order[Path(one.fspath).name]))
        if mutant.kind != "policy":
            return recent + mine
        # Its room's first, whose business it is; of what else names the table as much as fits.
        rooms = {f"test_{name}.py" for name in rooms_of(mutant)}
        mine.sort(key=lambda one: Path(one.fspath).name not in rooms)
        return self._of(JUDGING_POLICY_S, recent + mine)

    def _of(self, seconds: int, items: list[Any]) -> list[Any]:
        """As many of them, from the first, as take so long together."""
        each = [self.reached.get(one.nodeid, reach.UNKNOWN).seconds for one in items]
        return [one for one, sum_s in zip(items, accumulate(each), strict=True) if sum_s < seconds]

    def _calling(self, mutant: Mutant, judges: list[Any]) -> list[Any]:
        """Tests that name it or call it, as the run before found out, of JUDGING_S together: what
        saw the last mutant, those that name it, of functions by themselves before all, those of
        its room, then the quickest."""
        function = f"sec.{mutant.about}"
        rooms = {f"test_{one}.py" for one in rooms_of(mutant)}
        word = re.compile(rf"\b(sec\.)?{mutant.about}\b")
        known = {one.nodeid: one for one in judges}
        # The server counts no call that ends in an error, and a test that names it may expect one.
        naming = {nodeid for nodeid, one in known.items() if word.search(_source(one))}
        reached = {one: self.reached.get(one, reach.UNKNOWN) for one in known}
        calling = {one for one in known if function in reached[one].functions}
        mine = {one: known[one] for one in naming | calling}
        last = judges[0].nodeid

        def order(nodeid: str) -> tuple[bool, bool, bool, bool, float]:
            file = nodeid.partition("::")[0].rpartition("/")[2]
            by_itself = file.startswith("test_sec_")  # they call the function, and nothing else
            named, at_home = nodeid in naming, file in rooms
            seconds = reached[nodeid].seconds
            return nodeid != last, not (named and by_itself), not named, not at_home, seconds

        return self._of(JUDGING_S, [mine[one] for one in sorted(mine, key=order)])

    def _sees(self, item: Any, mutant: Mutant) -> bool:
        """Whether a test fails with the mutant, and passes without."""
        with mutant.applied():
            failed = bool(self._failure(item))
        if failed and item.nodeid not in self.sound:
            if self._failure(item):
                self.say(f"{'unsound':9}{'':8}  {item.nodeid} fails by itself")
                return False
            self.sound.add(item.nodeid)
        return failed

    def _failure(self, item: Any, seconds: int = SLOWEST_S) -> str | None:
        """What a test said when it failed; None: it passed, or was skipped."""
        with _ending(seconds):
            # All but the session is torn down: whichever test comes next, of whichever file.
            reports = runtestprotocol(item, nextitem=self.session, log=False)
        return next((str(one.longrepr) for one in reports if one.failed), None)

    # -- What is reported

    def _spent(self, mutant: Mutant, began: float) -> None:
        spent = time.monotonic() - began
        self.spent[mutant.name] = self.spent.get(mutant.name, 0.0) + spent

    def _caught(self, mutant: Mutant, judge: str) -> None:
        self.caught[mutant.name] = (judge, self.spent[mutant.name])
        self.say(f"{'caught':9}{self.spent[mutant.name]:6.1f} s  {mutant.name}")
        self.say(f"{'':19}by {judge[:160]}")

    def say(self, line: str) -> None:
        capture = self.session.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    def survivors(self) -> list[str]:
        return [one.name for one in self.left() if one.name not in EQUIVALENT]

    def listed_wrongly(self) -> list[str]:
        wrong = [name for name in EQUIVALENT if name in self.caught]
        if not self.only and self.part == (1, 1):
            tried = {one.name for one in self.mutants}
            wrong += [name for name in EQUIVALENT if name not in tried]
        return wrong

    def verdict(self) -> int:
        """The exit code, and the last lines: what survives, what the list says wrongly."""
        survivors, wrong = self.survivors(), self.listed_wrongly()
        same = len(self.left()) - len(survivors)
        for kind in dict.fromkeys(one.kind for one in self.mutants):
            mine = [one.name for one in self.mutants if one.kind == kind]
            caught = sum(name in self.caught for name in mine)
            self.say(f"{kind:9}{len(mine):5} mutants, {caught} caught")
        tried = len(self.mutants)
        self.say(f"{'all':9}{tried:5} mutants, {len(self.caught)} caught, {same} the same")
        if not code.VAULT:
            self.say("permissions.keys.vault was not tried: set CAIRN_TEST_VAULT_ADDR")
        for name in survivors:
            self.say(f"SURVIVES  {name}")
        for name in wrong:
            self.say(f"TAKE IT FROM THE LIST OF EQUIVALENTS  {name}")
        return int(bool(survivors or wrong or not tried))


def _short(nodeid: str) -> str:
    return nodeid.removeprefix("tests/")


def _source(item: Any) -> str:
    return inspect.getsource(item.function)


@contextmanager
def _ending(seconds: int) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TimeoutError(f"not ended after {seconds} s")  # alarm(0) never comes

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def files() -> list[str]:
    """The courts, and each file that may be asked to judge."""
    there = {
        path.stem.removeprefix("test_"): path
        for path in sorted(TESTS.rglob("test_*.py"))
        if "slow" not in path.relative_to(TESTS).parts
    }
    named = {name for names in JUDGES.values() for name in names}
    asking = re.compile(r"\bsec\.|FROM [a-z_]+|UPDATE [a-z_]+|INSERT INTO")  # by SQL of their own
    mentioning = {name for name, path in there.items() if asking.search(path.read_text())}
    calling = {Path(test.partition("::")[0]).stem.removeprefix("test_") for test in reach.read()}
    judging = {one for one in named | mentioning | calling if not one.endswith("_plans")}
    tests = [there[name] for name in sorted(judging) if name in there]
    return [*(str(TESTS / "mutate" / one) for one in COURTS), *map(str, tests)]


def run(
    only: str | None,
    part: tuple[int, int] = (1, 1),
    *,
    listing: bool = False,
    by: list[str] | None = None,
    once: bool = False,
) -> int:
    campaign = Campaign(only, part, listing=listing, by=by)
    words = ["-q", "--no-header", "--no-summary"]
    # A server that a mutant let die is no error of the run, whose verdict it would take.
    words += ["-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:unraisableexception"]
    code_of_pytest = pytest.main(
        [*words, *(files() if by is None else [_READING, *by])], plugins=[campaign]
    )
    if code_of_pytest not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        return int(code_of_pytest)
    if listing:
        return 0
    verdict, survivors = campaign.verdict(), campaign.survivors()
    if once or by is not None or not survivors:
        return verdict
    # Judges wear out: some fail by themselves after thousands of others, and judge nothing then.
    campaign.say("Those that survive, before fresh judges:")
    return _once_more(survivors) or int(bool(campaign.listed_wrongly()))


def _once_more(names: list[str]) -> int:
    """In a process of its own; the exit code."""
    exactly = f"^({'|'.join(map(re.escape, names))})$"
    words = [sys.executable, "-m", "tests.mutate", "--once", "--only", exactly]
    return subprocess.run(words, check=False).returncode
