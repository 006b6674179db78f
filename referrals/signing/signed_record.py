"""The record of one signature: the exact paper, the terms, and what was drawn, as one text. The
release has its SHA-256, and the text is sealed among the agency's notes.

The text is canonical JSON (sorted, no spaces), and is kept byte for byte: who opens it compares its
hash with the release's, and its terms with the release's columns.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from permissions.errors import Unavailable
from referrals.models import Release
from referrals.releases.terms import Consenter, Signature, Terms
from referrals.signing.strokes import Drawing

VERSION = 1

Line = tuple[str, str]  # how it is set on the paper, and the words


@dataclass(frozen=True, slots=True)
class Signed:
    """One person's part. `name` and `authority` are typed by them, and may be empty."""

    who: str  # self, parent, guardian, court_appointed
    name: str
    authority: str
    drawing: Drawing


@dataclass(frozen=True, slots=True)
class Record:
    """An opened record."""

    way: str
    language: str
    paper: list[Line]
    signed_at: datetime
    signatures: list[Signed]


def terms_json(terms: Terms) -> dict[str, Any]:
    """Return the terms as JSON holds them, without the times of the signature that is to come."""
    return {
        "basis": terms.basis,
        "purpose": terms.purpose,
        "fields": sorted(set(terms.fields)),
        "form": terms.form,
        "expires_at": _text(terms.expires_at),
        "attestations": sorted(set(terms.attestations)),
        "consenters": [[one.who, one.not_the_abuser] for one in terms.consenters],
        "minor_may_consent_alone": terms.minor_may_consent_alone,
        "adult": terms.adult,
        "promptly_informed": terms.promptly_informed,
        "redisclosure_notice": terms.redisclosure_notice,
        "witnessed_by": str(terms.witnessed_by) if terms.witnessed_by else None,
    }


def terms_of(given: dict[str, Any], signed_at: datetime) -> Terms:
    """Return the terms that `terms_json` wrote, signed at this time."""
    known = dict(given)
    consenters = tuple(Consenter(who, signed_at, attested) for who, attested in known["consenters"])
    witness = known["witnessed_by"]
    known |= {
        "fields": tuple(known["fields"]),
        "attestations": tuple(known["attestations"]),
        "consenters": consenters,
        "expires_at": datetime.fromisoformat(known["expires_at"]),
        "witnessed_by": UUID(witness) if witness else None,
    }
    return Terms(signed_at=signed_at, witnessed_at=signed_at, **known)


def write(
    signature_id: UUID,
    referral_id: UUID,
    way: str,
    language: str,
    paper: list[Line],
    terms: dict[str, Any],
    signed_at: datetime,
    signatures: list[Signed],
) -> str:
    """Return the text of the record."""
    return json.dumps(
        {
            "version": VERSION,
            "id": str(signature_id),
            "referral_id": str(referral_id),
            "way": way,
            "language": language,
            "paper": [list(line) for line in paper],
            "terms": terms,
            "signed_at": _text(signed_at),
            "signatures": [
                {
                    "who": one.who,
                    "name": one.name,
                    "authority": one.authority,
                    "strokes": one.drawing,
                }
                for one in signatures
            ],
        },
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )


def hash_of(record: str) -> str:
    """Return the SHA-256 of a record, in hex."""
    return hashlib.sha256(record.encode()).hexdigest()


def signed_terms(signature_id: UUID, record: str) -> Terms:
    """Return the terms of a record, with the signature that a release is recorded with."""
    found = json.loads(record)
    terms = terms_of(found["terms"], datetime.fromisoformat(found["signed_at"]))
    signature = Signature(signature_id, record)
    return replace(terms, signature=signature, artifact_sha256=hash_of(record))


def read(record: str, release: Release) -> Record:
    """Return the record of this release. Raises Unavailable (`signature_altered`) where its hash or
    its terms are not the release's: one of the two was changed."""
    if hash_of(record) != release.artifact_sha256:
        raise _altered()
    found = json.loads(record)
    terms = signed_terms(UUID(found["id"]), record).values()
    kept = {name: getattr(release, name) for name in terms if name not in NARROWED}
    if (found["id"], found["referral_id"]) != (str(release.signature_id), str(release.referral_id)):
        raise _altered()
    if kept != {name: terms[name] for name in kept}:
        raise _altered()
    return Record(
        found["way"],
        found["language"],
        [(kind, words) for kind, words in found["paper"]],
        datetime.fromisoformat(found["signed_at"]),
        signatures_in(record),
    )


def signatures_in(record: str) -> list[Signed]:
    """Return what each person signed."""
    return [
        Signed(one["who"], one["name"], one["authority"], one["strokes"])
        for one in json.loads(record)["signatures"]
    ]


NARROWED = ("fields", "expires_at")  # what is left of them; as signed they are in columns of theirs


def _altered() -> Unavailable:
    return Unavailable(
        "signature_altered",
        "What was signed and what is on file are not the same. The network operator must look into"
        " it.",
    )


def _text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat()
