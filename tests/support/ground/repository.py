"""Where the repository is; its Python and its contract, parsed. Imports nothing of ours."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[3]
DEPLOY = REPOSITORY / "deploy"


def sources(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    """Each Python file of these folders but the migrations: its path, and what it says."""
    for folder in folders:
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                yield str(path.relative_to(REPOSITORY)), ast.parse(path.read_text())


@cache
def contract() -> dict[str, Any]:
    """openapi/v1.yaml, read once by the parser in C: the one in Python takes seconds."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = (REPOSITORY / "openapi" / "v1.yaml").read_text()
    found: dict[str, Any] = yaml.load(text, loader)
    return found


# What a server cannot do without.
NEEDED = {
    "CAIRN_BASE_URL": "https://cairn.example.org",
    "CAIRN_SECRET_KEY": "x" * 40,
    "CAIRN_SAFETY_LINES": '[{"name": "Emergency", "phone": "911", "note": "Police"}]',
}
