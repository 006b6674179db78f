"""The Python client as partners install it: a wheel, in an environment of its own, and typed."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.support.ground.guides import CLIENT

pytestmark = pytest.mark.no_database

PROGRAM = """
from cairn_client import Client, Problem, verify

with Client("http://127.0.0.1:1", tries=1) as cairn:
    try:
        cairn.refer({"urgency": "urgent"}, agreement="agrees")
    except Problem as problem:
        status: int = problem.status
    message: str = verify("whsec_", {}, b"").id
    wrong: int = verify("whsec_", {}, b"").id
"""


def run(*command: str | Path, cwd: Path, code: int = 0) -> str:
    env = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, (command, done.stdout, done.stderr)
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the source distribution, as an index would have it, without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(CLIENT, folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", ".", "source", cwd=folder)
    (made,) = folder.glob("cairn_client-*-py3-none-any.whl")
    assert [one.name for one in folder.glob("*.tar.gz")] == [
        f"{made.name.partition('-py3')[0]}.tar.gz"
    ]
    return made


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has the wheel, and from here only what it depends on."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", "env", cwd=folder)
    found = folder / "env" / "bin" / "python"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(run(found, "-c", where, cwd=folder).strip())
    (packages / "others.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    offline = ("--no-index", "--no-deps", "--disable-pip-version-check")
    run(sys.executable, "-m", "pip", "--python", found, "install", *offline, wheel, cwd=folder)
    return found


def test_the_wheel_has_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(next(one for one in names if one.endswith("METADATA"))).decode()
    ours = {f"cairn_client/{one.name}" for one in (CLIENT / "cairn_client").glob("*.py*")}
    packed = {one for one in names if ".dist-info/" not in one}
    assert packed == ours | {"cairn_client/py.typed"}
    assert any(one.endswith("licenses/LICENSE") for one in names)
    assert "License-Expression: Apache-2.0" in metadata
    assert "# cairn-client" in metadata, "its README"


def test_it_is_imported_from_where_it_was_installed(python: Path, tmp_path: Path) -> None:
    said = run(
        *(python, "-W", "error", "-c"),
        "import cairn_client; print(cairn_client.__file__, *sorted(cairn_client.__all__))",
        cwd=tmp_path,
    )
    file, *names = said.split()
    assert Path(file).is_relative_to(python.parents[1])
    assert {"Client", "AsyncClient", "Problem", "verify"} <= {*names}


def test_its_types_reach_who_uses_it(python: Path, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    words = ("--strict", "--config-file", os.devnull, "--python-executable", python)
    said = run(sys.executable, "-m", "mypy", *words, "program.py", cwd=tmp_path, code=1)
    assert said.count("error:") == 1, said
    assert 'Incompatible types in assignment (expression has type "str"' in said
