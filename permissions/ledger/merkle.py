"""The Merkle tree of RFC 9162, section 2.1, over leaves that are already hashed. Uses no database.

The database hashes an entry with the prefix byte 00 (sec.entry_leaf); a node is hashed with the
prefix byte 01, so that a node can never be taken for a leaf.
"""

from collections.abc import Sequence
from hashlib import sha256


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def _next_level(level: Sequence[bytes]) -> list[bytes]:
    """The next level: pairs from the left; an odd one moves up unchanged."""
    paired = [node(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
    return [*paired, level[-1]] if len(level) % 2 else paired


def root(leaves: Sequence[bytes]) -> bytes:
    """The tree's root hash; without leaves, the hash of the empty string."""
    level = leaves
    while len(level) > 1:
        level = _next_level(level)
    return level[0] if level else sha256(b"").digest()


def path(leaves: Sequence[bytes], place: int) -> list[bytes]:
    """The inclusion proof of the leaf at `place`: its siblings, from the bottom up."""
    siblings, level = [], leaves
    while len(level) > 1:
        beside = place ^ 1
        if beside < len(level):
            siblings.append(level[beside])
        level, place = _next_level(level), place // 2
    return siblings
