"""On a slow machine CI tries some of the cases of a test that has many: another choice each time.

`.ci/run` decides by how fast the machine is, and says so; `make test` and `make check` try all.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable

MANY = 4  # cases; of fewer all are tried, but for a browser's widths
WIDTHS = ("[phone]", "[wide]")


def left_out(node_ids: Iterable[str], word: str) -> set[str]:
    """Of each test with many cases the half that is not tried, drawn by `word`.

    The same in every process that is given the same: workers have to collect alike.
    """
    cases: dict[str, list[str]] = defaultdict(list)
    for node_id in node_ids:
        cases[node_id.partition("[")[0]].append(node_id)
    out: set[str] = set()
    for found in cases.values():
        drawn = sorted(found, key=lambda one: hashlib.sha256(f"{word} {one}".encode()).digest())
        if len(found) >= MANY or all(one.endswith(WIDTHS) for one in found):
            out |= set(drawn[(len(found) + 1) // 2 :])
    return out
