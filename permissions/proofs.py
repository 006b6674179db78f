"""What anybody may hold against the access log: checkpoints for witnesses, and the proof that a
reader's receipt stands in it. Each asking is an entry itself.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from django.db import connections

from permissions import log, merkle, sealer
from permissions.errors import NotPermitted, NotPossible
from permissions.principal import Principal
from permissions.review import USING, may_review
from permissions.sealer import Checkpoint

MAX_PAGE = 1_000


class Proof(NamedTuple):
    """That `leaf` stands at `place` in a batch of `size` entries whose root was signed.

    RFC 9162, section 2.1.3; `path` from the bottom up. permissions/verifier.py checks it.
    """

    leaf: bytes
    place: int
    size: int
    path: list[bytes]
    body: str
    key_id: str
    signature: bytes


def prove(principal: Principal, entry_id: UUID) -> Proof:
    """The proof for an entry of the caller's own agency (a receipt is its id).

    Raises NotPossible: not sealed yet (a second or two after it was written), or no such entry of
    this agency; which of both is not told.
    """
    with log.attempt(principal, "access_log.prove"):
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT * FROM sec.sealed_batch(%s)", [entry_id])
            row = cursor.fetchone()
        if row is None:
            raise NotPossible("not_sealed", "No sealed entry of your agency. Ask again shortly.")
        place, leaves, body, key_id, signature = row
        hashes = [bytes(leaf) for leaf in leaves]
        path = merkle.path(hashes, place)
        return Proof(hashes[place], place, len(hashes), path, body, str(key_id), bytes(signature))


def list_checkpoints(
    principal: Principal, *, after: int = 0, limit: int = 100
) -> Sequence[Checkpoint]:
    """Checkpoints behind the number `after`, in their order: also the proof that a later one
    follows from an earlier, since each holds the hash of the one before. Raises NotPermitted."""
    with log.attempt(principal, "access_log.checkpoints", using=USING) as attempt:
        if not may_review(principal):
            raise NotPermitted("role_missing", "Checkpoints are for auditors and witnesses.")
        attempt.record()
        return list(sealer.checkpoints(after, limit=min(limit, MAX_PAGE), using=USING))
