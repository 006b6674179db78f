"""`python -m tests.slow.large_import`: half a million invented services, imported twice at once: in
one go, and killed half-way and run again. Both must end the same, within a limit of memory.

No test of pytest's for its length (an hour on two cores); tests/importing/test_import_large.py does
the same with a few hundred. Ends non-zero if anything differs.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import django

from api.dev.postgres import Cluster

REPOSITORY = Path(__file__).resolve().parent.parent.parent
SOURCE = "large"
SERVICES_AN_ORGANIZATION = 8


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


@dataclass
class Import:
    """The command as an operator runs it, on a database of its own."""

    home: Path
    folder: Path
    database: str
    kill_after: int = 0  # organizations; 0: let it end
    seconds: float = 0
    peak_mib: float = 0
    failed: list[str] = field(default_factory=list)

    def run(self) -> None:
        began = time.monotonic()
        if self.kill_after:
            self._once(self.kill_after)
        self._once(0)
        self.seconds = time.monotonic() - began

    def _once(self, kill_after: int) -> None:
        process = subprocess.Popen(
            [
                sys.executable,
                "manage.py",
                "directory",
                "import",
                str(self.folder),
                "--source",
                SOURCE,
            ],
            cwd=REPOSITORY,
            env=os.environ | {"CAIRN_HOME": str(self.home), "CAIRN_DATABASE": self.database},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        tail = ""
        for done, tail in self._progress(process):  # noqa: B007 (the last one is used below)
            self.peak_mib = max(self.peak_mib, _peak_mib(process.pid))
            if kill_after and done >= kill_after:
                say(f"{self.database}: kill -9 after {done:,} organizations")
                process.send_signal(signal.SIGKILL)
                process.wait()
                return
        if process.wait() != 0 or kill_after:
            self.failed.append(f"{self.database}: ended with {process.returncode}: {tail}")

    def _progress(self, process: "subprocess.Popen[str]") -> Iterator[tuple[int, str]]:
        """(organizations done, what it said last), for each line of its progress."""
        assert process.stderr
        told = 0.0
        for line in process.stderr:
            words = line.split()
            organizations = words[:1] == ["organizations:"]
            if time.monotonic() - told > 60:
                told = time.monotonic()
                say(f"{self.database}: {line.strip()}")
            yield int(words[1].replace(",", "")) if organizations else 0, line.strip()
        process.stderr.close()


def _peak_mib(process: int) -> float:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def digests(cluster: Cluster, database: str) -> dict[str, tuple[int, str]]:
    """For each table, the number of rows and a sum of their hashes: source rows whole, projections
    by id and document; without the moment of the import."""
    from directory import models as m
    from directory.hsds.schema import TABLES

    asked = {
        kind.model._meta.db_table: "(to_jsonb(t) - 'imported_at')::text"
        f" FROM {kind.model._meta.db_table} t WHERE source = '{SOURCE}'"
        for kind in TABLES.values()
    }
    # The demo network's own entries bear the moment at which they were made.
    of_source = " UNION ALL ".join(
        f"SELECT id FROM {model._meta.db_table} WHERE source = '{SOURCE}'"
        for model in (m.Service, m.ServiceAtLocation, m.Organization)
    )
    for model in (m.PublicListing, m.NetworkListing, m.PublicPlace, m.PublicOrganization):
        name = model._meta.db_table
        document = """regexp_replace(full_document, ',"imported":"[^"]+"', '')"""
        asked[name] = f"id::text || {document} FROM {name} WHERE id IN ({of_source})"
    found = {}
    with closing(cluster.connect_superuser(database)) as superuser, superuser.cursor() as cursor:
        for table, rows in asked.items():
            cursor.execute(
                "SELECT count(*), coalesce(sum(('x' || left(md5(row), 15))::bit(60)::bigint), 0)"
                f" FROM (SELECT {rows}) AS each(row)"
            )
            count, total = cursor.fetchone()
            found[table] = (count, str(total))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.slow.large_import", description=__doc__)
    parser.add_argument("--services", type=int, default=500_000)
    parser.add_argument("--limit-mib", type=int, default=1024, help="of memory (default 1024)")
    chosen = parser.parse_args()
    home = Path(os.environ.get("CAIRN_BENCH_HOME") or REPOSITORY / "var" / "bench").resolve()
    os.environ |= {"CAIRN_HOME": str(home), "DJANGO_SETTINGS_MODULE": "api.settings"}
    cluster = Cluster(home)
    cluster.start()
    django.setup()
    from directory.fake_data import generate
    from tests.bench.fill import begin
    from tests.support.ground.page_counts import miscounted

    work = Path(tempfile.mkdtemp(dir=home))
    try:
        generate(chosen.services, work / "made", seed=5)
        half = chosen.services // SERVICES_AN_ORGANIZATION // 2
        imports = [
            Import(home, work / "made", "bench_import_whole"),
            Import(home, work / "made", "bench_import_killed", kill_after=half),
        ]
        for one in imports:
            begin(cluster, one.database)
        threads = [threading.Thread(target=one.run) for one in imports]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wrong = [text for one in imports for text in one.failed]
        for one in imports:
            say(f"{one.database}: {one.seconds:,.0f} s, at most {one.peak_mib:,.0f} MiB")
            if one.peak_mib > chosen.limit_mib:
                wrong.append(f"{one.database}: more memory than {chosen.limit_mib} MiB")
        whole, killed = (digests(cluster, one.database) for one in imports)
        wrong += [f"{table}: {whole[table]} and {killed[table]}" for table in whole
                  if whole[table] != killed[table]]  # fmt: skip
        for one in imports:
            with closing(cluster.connect_superuser(one.database)) as superuser:
                wrong += [f"{one.database}: {line}" for line in miscounted(superuser.cursor())]
        services, rows = whole["directory_service"][0], sum(count for count, _ in whole.values())
        if services != chosen.services:
            wrong.append(f"{services:,} services of {chosen.services:,}")
        say(f"{services:,} services, {rows:,} rows in {len(whole)} tables compared")
        for one in imports:
            cluster.drop_database(one.database)
    finally:
        shutil.rmtree(work)
        cluster.stop()
    if wrong:
        sys.exit("\n".join(wrong))
    say("The same.")


if __name__ == "__main__":
    main()
