"""The seals of the access log: receipts for members, checkpoints and proofs for auditors, and the
verifier."""

import base64
import hashlib
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from api.http.endpoints import Endpoint, Shape, page_size
from api.http.fields import Whole
from api.http.json_bodies import Answer
from openapi.schema import page_limit, problems, signed_in
from permissions.errors import BadRequest
from permissions.ledger import inclusion_proofs, sealed_export, status, verifier
from referrals.act_registry.repeats import Repeat


class CheckpointOut(serializers.Serializer):
    """A signed checkpoint. `body` is the signed text, byte for byte: JSON with origin, seq, size,
    root, previous (hash of the body before) and time, and `gap` if a restored backup had lost
    entries."""

    body = serializers.CharField()
    key_id = serializers.CharField()
    signature = serializers.CharField(help_text="Ed25519 (RFC 8032) over the body, base64.")


class CheckpointsOut(serializers.Serializer):
    items = CheckpointOut(many=True)


class KeysOut(serializers.Serializer):
    """Keep these keys outside of this system: a verifier that takes them from here each time trusts
    it."""

    keys = serializers.DictField(child=serializers.CharField(help_text="32 bytes, base64."))


class ReceiptOut(serializers.Serializer):
    """The log's signed word that it holds this entry. Save it as a file, and
    `verifier.py --receipt` checks it, alone or against an export of the log. It shows nothing of
    what others do."""

    body = serializers.CharField(
        help_text="The signed text, byte for byte, of three lines: `cairn receipt 1`, the log's"
        " `origin`, and the entry as a JSON array, as it was sealed except for its last member, the"
        " transaction, which is null."
    )
    key_id = serializers.CharField()
    signature = serializers.CharField(help_text="Ed25519 (RFC 8032) over the body, base64.")


class ProofOut(serializers.Serializer):
    """An inclusion proof (RFC 9162, section 2.1.3): the leaf, its place in its batch, and its
    siblings upwards (hex). Save it as a file, and `verifier.py --proof` checks it."""

    entry = serializers.CharField(
        help_text="The entry as it was sealed: the leaf is the SHA-256 of a byte 00 and this text."
    )
    leaf = serializers.CharField()
    place = serializers.IntegerField()
    size = serializers.IntegerField()
    path = serializers.ListField(child=serializers.CharField())
    checkpoint = CheckpointOut()


class NewestOut(serializers.Serializer):
    """What the newest checkpoint says."""

    origin = serializers.CharField()
    seq = serializers.IntegerField()
    size = serializers.IntegerField()
    root = serializers.CharField()  # type: ignore[assignment]  # not DRF's own
    previous = serializers.CharField()
    time = serializers.DateTimeField()


class GapOut(serializers.Serializer):
    """What a restored backup had lost, as it was signed."""

    from_seq = serializers.IntegerField()
    to_seq = serializers.IntegerField()
    entries = serializers.IntegerField()
    time = serializers.DateTimeField()


class WitnessOut(serializers.Serializer):
    """What the operator's witness holds, and when it last looked."""

    seq = serializers.IntegerField(help_text="Its last checkpoint; 0: none yet.")
    at = serializers.DateTimeField(allow_null=True)
    forked = serializers.BooleanField(
        help_text="The log is not the one that it saw: it was rolled back, or made again."
    )
    late = serializers.BooleanField(help_text="It does not follow.")


class SelfCheckOut(serializers.Serializer):
    """What the worker found. Once a day it checks what was sealed since, and older parts in turn.
    `faults` stay until the operator has checked the whole log and found none."""

    seq = serializers.IntegerField(help_text="Up to this checkpoint.")
    at = serializers.DateTimeField(allow_null=True)
    faults = serializers.IntegerField()
    first_fault = serializers.CharField(allow_null=True)


class SealsOut(serializers.Serializer):
    newest = NewestOut(allow_null=True, help_text="Null: nothing is sealed yet.")
    key_id = serializers.CharField(allow_null=True)
    waiting = serializers.IntegerField(help_text="Entries without a seal yet; up to 10,000.")
    waiting_since = serializers.DateTimeField(allow_null=True)
    late = serializers.BooleanField(
        help_text="An entry waits for more than a minute: the sealer does not run or keep up."
    )
    restored = serializers.BooleanField(
        help_text="A backup was restored without `manage.py database recover`: nothing is sealed."
    )
    witness = WitnessOut()
    self_check = SelfCheckOut()
    gaps = GapOut(many=True)


class VerifyIn(Shape):
    before = Whole(
        required=False, min_value=1, max_value=2**62, help_text="Those before this checkpoint."
    )


class SealFaultOut(serializers.Serializer):
    what = serializers.CharField()
    where = serializers.CharField()


class VerifiedOut(serializers.Serializer):
    """The result of a check. Empty `faults` means that the log is as it was sealed. Send `earlier`
    as `before` to continue; null means that nothing earlier is left."""

    first_seq = serializers.IntegerField(allow_null=True)
    last_seq = serializers.IntegerField(allow_null=True)
    entries = serializers.IntegerField()
    faults = SealFaultOut(many=True)
    too_large = serializers.ListField(
        child=serializers.IntegerField(),
        help_text="Checkpoints of more than 50,000 entries: root, signature and order were checked,"
        " the entries by the worker's own check and `manage.py ledger verify` alone.",
    )
    earlier = serializers.IntegerField(allow_null=True)


def _signed(body: str, key_id: str, signature: bytes) -> dict[str, str]:
    return {
        "body": body,
        "key_id": key_id,
        "signature": base64.b64encode(signature).decode(),
    }


class Checkpoints(Endpoint):
    query = ("after", "limit")

    @extend_schema(
        operation_id="list_checkpoints",
        auth=signed_in("audit:read"),
        parameters=[
            OpenApiParameter("after", int, description="The `seq` of the last one you hold."),
            page_limit(1000),
        ],
        responses={200: CheckpointsOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """List the signed checkpoints of the access log, in order. For auditors and witnesses."""
        ask = request.GET
        after = ask.get("after", "0")
        if not (after.isascii() and after.isdigit() and len(after) <= 18):
            raise BadRequest("invalid", "The number of a checkpoint.", "after")
        limit = page_size(ask.get("limit"), inclusion_proofs.MAX_PAGE)
        found = inclusion_proofs.list_checkpoints(self.principal, after=int(after), limit=limit)
        items = [_signed(one.body, one.key_id, one.signature) for one in found]
        return self.answer(CheckpointsOut, {"items": items})


class Seals(Endpoint):
    @extend_schema(
        operation_id="read_seals",
        auth=signed_in("audit:read"),
        responses={200: SealsOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """Read the state of the log's seals. For auditors and witnesses."""
        found = status.ledger_status(self.principal)
        newest = found.newest and {
            name: found.newest[name] for name, _ in NewestOut().fields.items()
        }
        return self.answer(SealsOut, found._asdict() | {"newest": newest})


class Verify(Endpoint):
    repeats: ClassVar = {"post": Repeat.SAFE}
    logged_as = "access_log.verify"

    @extend_schema(
        operation_id="verify_seals",
        auth=signed_in("audit:read"),
        request=VerifyIn,
        responses={200: VerifiedOut, **problems(400, 401, 403, 413, 415, 503)},
    )
    def post(self, request: HttpRequest) -> Answer:
        """Check the newest batches, or those before a checkpoint, against their signatures now.
        Here the database hashes its own rows; use the verifier to check without trusting it."""
        found = status.check_batches(self.principal, self.body(VerifyIn).get("before"))
        return self.answer(VerifiedOut, found)


class Receipt(Endpoint):
    @extend_schema(
        operation_id="read_receipt",
        responses={200: ReceiptOut, **problems(400, 401, 409, 503)},
    )
    def get(self, request: HttpRequest, entry_id: UUID) -> Answer:
        """Get the signed receipt of an entry of yours: an answer's `receipt` is the entry's id.
        With it anyone can show later that the entry was in the log. `log_tampered` means that the
        entry was sealed and is not there as it was; `retired` means that its month has left the
        log."""
        found = inclusion_proofs.issue_receipt(self.principal, entry_id)
        return self.answer(ReceiptOut, _signed(*found))


class InclusionProof(Endpoint):
    @extend_schema(
        operation_id="prove_entry",
        auth=signed_in("audit:read"),
        responses={200: ProofOut, **problems(400, 401, 403, 409, 503)},
    )
    def get(self, request: HttpRequest, entry_id: UUID) -> Answer:
        """Get the proof that an entry of your agency is in the sealed log, and where. For auditors,
        since it tells how much is in the log; all others get a receipt, with the same
        refusals."""
        found = inclusion_proofs.prove_inclusion(self.principal, entry_id)
        proof = {
            "entry": found.entry,
            "leaf": found.leaf.hex(),
            "place": found.place,
            "size": found.size,
            "path": [one.hex() for one in found.path],
            "checkpoint": _signed(found.body, found.key_id, found.signature),
        }
        return self.answer(ProofOut, proof)


class SigningKeys(Endpoint):
    public = True

    @extend_schema(
        operation_id="list_signing_keys",
        responses={200: KeysOut, **problems(400, 401, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """List the public keys that sealed the log, by id, newest last."""
        return self.answer(KeysOut, {"keys": sealed_export.public_keys()})


class Verifier(Endpoint):
    public = True

    @extend_schema(
        operation_id="download_verifier",
        responses={(200, "text/x-python"): OpenApiTypes.STR, **problems(400, 401, 503)},
    )
    def get(self, request: HttpRequest) -> Any:
        """Download the program that checks an export, as one file. Its SHA-256 is in
        `Repr-Digest`."""
        program = Path(verifier.__file__).read_bytes()
        answer = HttpResponse(program, content_type="text/x-python; charset=utf-8")
        digest = base64.b64encode(hashlib.sha256(program).digest()).decode()
        answer["Repr-Digest"] = f"sha-256=:{digest}:"  # RFC 9530
        answer["Content-Disposition"] = 'attachment; filename="verifier.py"'
        return answer
