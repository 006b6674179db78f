"""What the access log can be checked with: receipts for those whose entries they are, proofs and
checkpoints for auditors and witnesses. Each request is an access entry itself.

permissions/ledger/verifier.py checks them all.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connections

from permissions.audit import writer
from permissions.audit.queries import must_review
from permissions.database.aliases import AUDITOR
from permissions.errors import NotPossible
from permissions.keys.keystore import key_store
from permissions.ledger import merkle, sealer, verifier
from permissions.ledger.sealer import Checkpoint
from permissions.principal import Principal

MAX_PAGE = 1_000
NOT_SEALED = "No sealed entry of yours has this id. If it was just written, ask again shortly."
RETIRED = "Its month has left the log when its time was over. The operator's archive proves it."
TAMPERED = {
    "changed": "The log was tampered with: this entry is not as it was sealed.",
    "gone": "The log was tampered with: this entry was sealed, and is not there any more.",
}


class Receipt(NamedTuple):
    """The log's signed word that it holds an entry. `body` is the signed text: what it is, the
    log's name and the entry, a line each."""

    body: str
    key_id: str
    signature: bytes


class Proof(NamedTuple):
    """The proof that `leaf` is at `place` in a batch of `size` entries whose root was signed.

    RFC 9162, section 2.1.3; `path` is in order from the bottom up. `entry` is the text whose hash
    is the leaf.
    """

    entry: str
    leaf: bytes
    place: int
    size: int
    path: list[bytes]
    body: str
    key_id: str
    signature: bytes


def issue_receipt(principal: Principal, entry_id: UUID) -> Receipt:
    """The receipt of an entry by which the caller read or did something.

    It tells nothing that others' entries could change: no size, position, time of sealing or
    transaction (ADR 0070). Raises NotPossible: `not_sealed`: it is not sealed yet (this takes a
    second or two) or the caller has no such entry, without saying which; `retired`: its month has
    left the log; `log_tampered`: it was sealed, and is now changed or gone. Raises Unavailable (the
    key store).
    """
    with writer.logged_act(principal, "access_log.prove"):
        question = "SELECT state, entry, origin FROM sec.own_sealed_entry(%s)"
        entry, origin = _sealed("default", question, entry_id)
        body = "\n".join((verifier.RECEIPT, origin, entry))
        signed = key_store().sign(body.encode())
        return Receipt(body, signed.key_id, signed.signature)


def prove_inclusion(principal: Principal, entry_id: UUID) -> Proof:
    """The proof for an entry of the auditor's own agency. Raises NotPermitted; NotPossible as
    `issue_receipt` does."""
    with writer.logged_act(principal, "access_log.prove", using=AUDITOR) as attempt:
        must_review(principal)
        attempt.record()
        question = (
            "SELECT state, entry, place, leaves, body, key_id, signature"
            " FROM sec.inclusion_proof(%s)"
        )
        entry, place, leaves, body, key_id, signature = _sealed(AUDITOR, question, entry_id)
    hashes = [bytes(leaf) for leaf in leaves]
    path = merkle.path(hashes, place)
    leaf, size = hashes[place], len(hashes)
    return Proof(entry, leaf, place, size, path, body, str(key_id), bytes(signature))


def _sealed(using: str, question: str, entry_id: UUID) -> list[Any]:
    """What the question returns of a sealed entry, behind its state. Raises NotPossible."""
    with connections[using].cursor() as cursor:
        cursor.execute(question, [entry_id])
        row = cursor.fetchone()
    if row is None:
        raise NotPossible("not_sealed", NOT_SEALED)
    state, found = row[0], list(row[1:])
    if state == "retired":
        raise NotPossible("retired", RETIRED)
    if state != "sealed":
        raise NotPossible("log_tampered", TAMPERED[state])
    return found


def list_checkpoints(
    principal: Principal, *, after: int = 0, limit: int = 100
) -> Sequence[Checkpoint]:
    """Checkpoints after the number `after`, in order. They also prove that a later one follows
    from an earlier one, since each holds the hash of the previous one. Raises NotPermitted."""
    with writer.logged_act(principal, "access_log.checkpoints", using=AUDITOR) as attempt:
        must_review(principal)
        attempt.record()
        return list(sealer.checkpoints(after, limit=min(limit, MAX_PAGE), using=AUDITOR))
