"""What outsiders can check the access log with: checkpoints for witnesses, and the proof that the
log contains a reader's receipt. Each request is an access entry itself.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from django.db import connections

from permissions.audit import writer
from permissions.audit.queries import may_review
from permissions.database.aliases import AUDITOR
from permissions.errors import NotPermitted, NotPossible
from permissions.ledger import merkle, sealer
from permissions.ledger.sealer import Checkpoint
from permissions.principal import Principal

MAX_PAGE = 1_000
NOT_SEALED = (
    "No sealed entry of your agency has this id. If it was just written, ask again shortly."
)
RETIRED = "Its month has left the log when its time was over. The operator's archive proves it."
TAMPERED = {
    "changed": "The log was tampered with: this entry is not as it was sealed.",
    "gone": "The log was tampered with: this entry was sealed, and is not there any more.",
}


class Proof(NamedTuple):
    """The proof that `leaf` is at `place` in a batch of `size` entries whose root was signed.

    RFC 9162, section 2.1.3; `path` is in order from the bottom up. `entry` is the text whose hash
    is the leaf; None: the entry is not the caller's own, and the caller is not an auditor.
    permissions/ledger/verifier.py checks it.
    """

    entry: str | None
    leaf: bytes
    place: int
    size: int
    path: list[bytes]
    body: str
    key_id: str
    signature: bytes


def prove_inclusion(principal: Principal, entry_id: UUID) -> Proof:
    """The proof for an entry of the caller's own agency (a receipt is the entry's id).

    Raises NotPossible: `not_sealed`: it is not sealed yet (this takes a second or two) or this
    agency has no such entry, without saying which; `retired`: its month has left the log;
    `log_tampered`: it was sealed, and is now changed or gone.
    """
    with writer.logged_act(principal, "access_log.prove"):
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT * FROM sec.sealed_batch(%s)", [entry_id])
            row = cursor.fetchone()
        if row is None:
            raise NotPossible("not_sealed", NOT_SEALED)
        state, entry, place, leaves, body, key_id, signature = row
        if state == "retired":
            raise NotPossible("retired", RETIRED)
        if state != "sealed":
            raise NotPossible("log_tampered", TAMPERED[state])
        hashes = [bytes(leaf) for leaf in leaves]
        path = merkle.path(hashes, place)
        leaf, size = hashes[place], len(hashes)
        return Proof(entry, leaf, place, size, path, body, str(key_id), bytes(signature))


def list_checkpoints(
    principal: Principal, *, after: int = 0, limit: int = 100
) -> Sequence[Checkpoint]:
    """Checkpoints after the number `after`, in order. They also prove that a later one follows
    from an earlier one, since each holds the hash of the previous one. Raises NotPermitted."""
    with writer.logged_act(principal, "access_log.checkpoints", using=AUDITOR) as attempt:
        if not may_review(principal):
            raise NotPermitted("role_missing", "Checkpoints are for auditors and witnesses.")
        attempt.record()
        return list(sealer.checkpoints(after, limit=min(limit, MAX_PAGE), using=AUDITOR))
