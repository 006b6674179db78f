"""Where an image comes from, as SLSA's provenance in an in-toto statement.

The statement is not signed: sign it, with the tag, as docs/release-checklist.md says. It was made
by the machine that built, so it proves nothing of a machine that was taken over; who builds the
same commit again and comes to the same digest proves that.
"""

import hashlib
import json
import platform
from datetime import datetime
from pathlib import Path
from typing import Any

from deploy.release.oci_archive import Image
from deploy.release.source import LOCK, Commit

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:cairn:image:1"  # deploy/release/image.py
BASE = "org.opencontainers.image.base."


def statement(
    commit: Commit,
    image: Image,
    builder: str,
    base: str,
    times: tuple[datetime, datetime],
    parts: Path,
) -> str:
    """Return the statement on `image` as JSON; `parts` is its SBOM, `times` when it was built."""
    notes = image.manifest.get("annotations") or {}
    dependencies: list[dict[str, Any]] = [
        {"uri": "git+cairn", "digest": {"gitCommit": commit.name}},
        {"uri": f"git+cairn#{LOCK}", "digest": {"sha256": commit.lock_sha256}},
    ]
    if digest := notes.get(f"{BASE}digest"):
        name = notes.get(f"{BASE}name") or base
        algorithm, _, value = digest.partition(":")
        dependencies.append({"uri": f"oci:{name}", "digest": {algorithm: value}})
    began, ended = (one.isoformat(timespec="seconds") for one in times)
    content = {
        "_type": STATEMENT,
        "subject": [
            {
                "name": f"cairn:{commit.version}",
                "digest": {"sha256": image.digest.removeprefix("sha256:")},
            }
        ],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"base": base, "revision": commit.name},
                "internalParameters": {
                    "sourceDateEpoch": commit.seconds,
                    "layers": [digest for digest, _ in image.layers],
                },
                "resolvedDependencies": dependencies,
            },
            "runDetails": {
                "builder": {
                    "id": BUILD_TYPE,
                    "version": {"builder": builder, "python": platform.python_version()},
                },
                "metadata": {"startedOn": began, "finishedOn": ended},
                "byproducts": [
                    {
                        "name": parts.name,
                        "mediaType": "application/vnd.cyclonedx+json",
                        "digest": {"sha256": hashlib.sha256(parts.read_bytes()).hexdigest()},
                    }
                ],
            },
        },
    }
    return json.dumps(content, indent=2) + "\n"
