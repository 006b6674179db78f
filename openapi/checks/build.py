"""Lints openapi/v1.yaml, and makes two clients of it by generators that partners use.

Each client comes with a program that carries a referral from a token to `completed`, without a
cast: it is checked as strictly as its language can (tsc, mypy). What is made is under var/.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CONTRACT = ROOT / "openapi" / "v1.yaml"
TOOLS = ROOT / "var" / "node"  # as make installs it, from package-lock.json
CLIENTS = ROOT / "var" / "clients"
# Ways around the types, outside of texts and comments; and those that are comments.
CASTS = re.compile(r"\b(?:as|any|cast|Any|assert|parse|loads)\b|[\w)\]]!")
DIRECTIVES = re.compile(r"@ts-|type: ignore")
PROSE = re.compile(r'"""[^"]*"""|/\*.*?\*/|"[^"\n]*"|`[^`]*`|(?<!:)//[^\n]*|# [^\n]*', re.DOTALL)
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


class Failed(Exception):
    """A linter found something, a generator warned, a program does not fit the contract, or a tool
    is missing. Its text says which, and what the tool said."""


def require_tools() -> None:
    """Raise Failed, in words, where the tools are missing or are not those of the lock file."""
    lock, installed = HERE / "package-lock.json", TOOLS / "package-lock.json"
    if not (TOOLS / "installed").exists() or installed.read_bytes() != lock.read_bytes():
        raise Failed("The tools of openapi/checks are not installed. Run `make clients`.")


def lint(contract: Path = CONTRACT) -> None:
    """Let both linters judge the contract by their default rules, where a warning is an error.
    Raises Failed."""
    require_tools()
    spectral = ("--ruleset", str(HERE / "spectral.yaml"), "--fail-severity", "hint")
    _run([_tool("spectral"), "lint", str(contract), *spectral])
    _run([_tool("redocly"), "lint", str(contract), "--config", str(HERE / "redocly.yaml")])


def typescript(contract: Path = CONTRACT) -> Path:
    """Make the types with openapi-typescript, check the program against them, and return what Node
    runs. What fits already is kept. Raises Failed."""
    require_tools()
    made, program = CLIENTS / "typescript", HERE / "refer.ts"
    sources = [contract, program, HERE / "tsconfig.json", HERE / "package-lock.json"]
    if not _is_current(made, sources):
        _begin(made, program, HERE / "tsconfig.json")
        (made / "package.json").write_text('{"type": "module"}\n')
        (made / "node_modules").symlink_to(TOOLS / "node_modules")
        # What has a default may be left out of a request.
        words = [str(contract), "--default-non-nullable=false", "--output", "v1.ts"]
        _run([_tool("openapi-typescript"), *words], made)
        _run([_tool("tsc"), "--project", "tsconfig.json"], made)
        _finish(made, sources)
    return made / "out" / "refer.js"


def python(contract: Path = CONTRACT) -> Path:
    """Make the package with openapi-python-client, check it and the program with mypy, and return
    the program. What fits already is kept. Raises Failed."""
    made, program = CLIENTS / "python", HERE / "refer.py"
    sources = [contract, program, HERE / "python.yaml", ROOT / "requirements-dev.lock"]
    if not _is_current(made, sources):
        _begin(made, program)
        words = ["--path", str(contract), "--config", str(HERE / "python.yaml")]
        where = ["--meta", "none", "--output-path", "cairn_api", "--fail-on-warning"]
        _run([_script("openapi-python-client"), "generate", *words, *where], made)
        strictly = ["--strict", "--config-file", os.devnull, "--cache-dir", ".mypy_cache"]
        _run([sys.executable, "-m", "mypy", *strictly, "cairn_api", "refer.py"], made)
        _finish(made, sources)
    return made / "refer.py"


def casts(program: Path) -> list[str]:
    """Return what in a program goes around its types."""
    text = program.read_text()
    return [*CASTS.findall(PROSE.sub("", text)), *DIRECTIVES.findall(text)]


# -- Running ---------------------------------------------------------------------------------------


def _tool(name: str) -> str:
    return str(TOOLS / "node_modules" / ".bin" / name)


def _script(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def _run(command: Sequence[str], cwd: Path = ROOT) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # ruff, for one
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **QUIET, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = f"{done.stdout}{done.stderr}".strip()
        raise Failed(f"{Path(command[0]).name} ended with {done.returncode}:\n{said}")


# -- What is made once -----------------------------------------------------------------------------


def _digest(sources: Sequence[Path]) -> str:
    return hashlib.sha256(b"\0".join(one.read_bytes() for one in sources)).hexdigest()


def _is_current(made: Path, sources: Sequence[Path]) -> bool:
    mark = made / "made-of"
    return mark.exists() and mark.read_text() == _digest(sources)


def _begin(made: Path, *files: Path) -> None:
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    for one in files:
        shutil.copy(one, made)


def _finish(made: Path, sources: Sequence[Path]) -> None:
    (made / "made-of").write_text(_digest(sources))
