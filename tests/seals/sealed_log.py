"""A log that has been sealed, and an export of it that verifies."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from permissions.ledger import sealed_export, verifier, witness
from tests.support.people.seals import seal, write
from tests.support.people.stories import Story


@pytest.fixture
def sealed(story: Story, api: Any, superuser: Any, tmp_path: Path, settings: Any) -> Path:
    """A log of several batches, witnessed; the file that the witness holds."""
    settings.LOG_WITNESS_FILE = str(tmp_path / "held")
    story.accept()
    for _ in range(3):
        write(api, 4)
        seal()
    while witness.step():
        pass
    superuser.commit()
    return tmp_path / "held"


@pytest.fixture
def verified(sealed: Path, tmp_path: Path) -> Any:
    """Runs the verifier over what is sealed now, as its holder does: (exit status, what it says).
    `export` is of which checkpoints, or what the file says, or None: no file."""

    def run(*more: str, export: Any = 0, **files: Any) -> tuple[int, str]:
        without = "--proof" in more or export is None
        export = "" if export is None else export
        lines = sealed_export.lines(export) if isinstance(export, int) else export.splitlines()
        files = {"keys": json.dumps(sealed_export.public_keys())} | files
        files["export"] = "".join(f"{line}\n" for line in lines)
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        what = [] if without else ["export"]
        done = subprocess.run(
            [sys.executable, "-I", verifier.__file__, *what, "--keys", "keys", *more],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout + done.stderr

    return run
