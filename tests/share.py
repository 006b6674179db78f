"""Where time runs out CI tries a third of the cases of a test that has several, and of the longest
tests: others each time.

`.ci/run` says after how long (CAIRN_ALL_S), and pytest how many it left out; `make test` and
`make check` try all.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping

PARTS = 3


def left_out(
    node_ids: Iterable[str], word: str, groups: Mapping[str, str] | None = None
) -> set[str]:
    """Of each test with several cases those that are not tried, drawn by `word`: one of PARTS is.

    Those that `groups` gives one and the same name are drawn from as if they were cases of one
    test. The same in every process that is given the same: workers have to leave out alike.
    """
    several: dict[str, list[str]] = defaultdict(list)
    for node_id in node_ids:
        several[(groups or {}).get(node_id) or node_id.partition("[")[0]].append(node_id)
    out: set[str] = set()
    for found in several.values():
        drawn = sorted(found, key=lambda one: hashlib.sha256(f"{word} {one}".encode()).digest())
        out |= set(drawn[-(-len(found) // PARTS) :])  # at least one is tried
    return out
