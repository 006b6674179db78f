"""The directory's part of the benchmark: a directory of one size, and what is asked of it."""

import random
from contextlib import closing
from pathlib import Path
from typing import Any

from api.dev.postgres import Cluster
from directory.projection import page_anchors
from tests.bench.fill import begin
from tests.bench.rows import BARE, OURS, Row

FOLDER = Path(__file__).parent
SERVICES = "/v1/directory/services"
HERE = "latitude=46.8721&longitude=-113.994"
DIFFERENT = 40  # pages and services asked for in turn
# CPU milliseconds a request at 50,000 services. Another server for the same standard took 27.7 for
# a list, 44.3 for a page deep in it, 44.5 for 25 nested, 164 for a search and 16.1 for a detail.
LIST, NESTED, SEARCH, DETAIL = 5.0, 12.0, 8.0, 3.0


def make(cluster: Cluster, database: str, size: int) -> None:
    """Make a new `database` with a directory of `size` services, and point every alias at it."""
    begin(cluster, database)
    with closing(cluster.connect_superuser(database)) as superuser:
        grow(superuser, size)
        superuser.cursor().execute("CHECKPOINT")


def grow(superuser: Any, size: int) -> None:
    """To `size` services, by copies of rendered rows (directory.sql). Then VACUUM and ANALYZE."""
    superuser.autocommit = False
    cursor = superuser.cursor()
    cursor.execute((FOLDER / "directory.sql").read_text(), {"size": size})
    count(cursor)
    superuser.commit()
    superuser.autocommit = True
    cursor.execute("VACUUM ANALYZE")


def count(cursor: Any) -> None:
    """Totals and milestones, by the rows that stand."""
    cursor.execute((FOLDER / "directory_counts.sql").read_text())
    for name in page_anchors.LISTS:
        page_anchors.add_anchors(cursor, name)


# What is asked unless all of it is.
FEW = ("list, first page", "50 nested", "a common word", "a word, nearest", "detail")


def rows(cluster: Cluster, database: str, size: int, *, full: bool) -> list[Row]:
    """Each question twice: as nobody, and as a member, who sees what is confidential, too. Not
    `full`: a few questions, as nobody."""
    chance = random.Random(size)
    pages = [chance.randint(2, size // 21) for _ in range(DIFFERENT)]
    # Half-way is the furthest from both ends of the index: where a page costs the most.
    middle = [page + size // 40 - DIFFERENT // 2 for page in range(DIFFERENT)]
    with closing(cluster.connect_superuser(database)) as superuser:
        cursor = superuser.cursor()
        cursor.execute(
            "SELECT id::text FROM directory_listing WHERE id::text LIKE '9e9e9e%%'"
            " ORDER BY id LIMIT %s",
            [DIFFERENT],
        )
        details = [row[0] for row in cursor.fetchall()]
    asked = [
        ("list, first page", [SERVICES], LIST, 1),
        ("list, any page", [f"{SERVICES}?page={page}" for page in pages], LIST, 1),
        ("list, half-way", [f"{SERVICES}?page={page}" for page in middle], LIST, 1),
        ("25 nested", [f"{SERVICES}?full=true&per_page=25&page={page % 40 + 1}" for page in pages],
         NESTED, 2),
        ("50 nested", [f"{SERVICES}?full=true&per_page=50&page={page % 40 + 1}" for page in pages],
         None, 2),
        ("a common word", [f"{SERVICES}?search=shelter"], SEARCH, 2),
        ("a rare word", [f"{SERVICES}?search=Lantern+Quarry+immigration"], SEARCH, 2),
        ("a misspelt word", [f"{SERVICES}?search=sheltr"], SEARCH, 2),
        ("a word, nearest", [f"{SERVICES}?search=shelter&{HERE}"], SEARCH, 2),
        ("detail", [f"{SERVICES}/{one}" for one in details], DETAIL, 1),
    ]  # fmt: skip
    return [
        Row(
            f"{title}, {'a member' if signed_in else 'nobody'}",
            size,
            database,
            paths=paths,
            signed_in=signed_in,
            target=target,
            share=share,
            sides=(OURS, BARE),
        )
        for title, paths, target, share in asked
        if full or title in FEW
        for signed_in in ((False, True) if full else (False,))
    ]
