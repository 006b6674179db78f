"""The code in the guides, run as a reader would: in a folder with the demo's file and `.venv`."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.ground.repository import REPOSITORY

GUIDES = REPOSITORY / "docs" / "guides"
CLIENT = REPOSITORY / "openapi" / "clients" / "python"


def page(name: str) -> str:
    return (GUIDES / f"{name}.md").read_text()


def code(text: str, language: str, place: int = 0) -> str:
    """One of the fenced blocks of this language, in their order."""
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return found[place]


def rows(text: str, columns: int) -> list[list[str]]:
    """The cells of each row of the tables with so many columns, without their backticks."""
    lines = [line for line in text.splitlines() if line.startswith("| ") and "---" not in line]
    cells = [[one.strip().strip("`") for one in line.strip("|").split("|")] for line in lines]
    return [one for one in cells if len(one) == columns]


def node() -> str | None:
    """The Node of this machine, if it is 20 or newer."""
    found = shutil.which("node")
    if not found:
        return None
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    return found if int(said.strip().lstrip("v").split(".")[0]) >= 20 else None


class Reader:
    """Someone who follows a guide in `folder`, against a server that `demo` describes."""

    def __init__(self, folder: Path, demo: dict[str, Any]) -> None:
        self.folder = folder
        (folder / "var").mkdir()
        (folder / "var" / "demo.json").write_text(json.dumps(demo))
        python = folder / ".venv" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -W error "$@"\n')
        python.chmod(0o755)
        self.env = os.environ | {"PYTHONPATH": str(CLIENT)}

    def save(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def run(self, *command: str, given: str = "", code: int = 0) -> str:
        """What the command printed. It ends with `code`."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.env,
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done.stdout

    def python(self, name: str, text: str, code: int = 0) -> str:
        """Save a program under its name, and run it."""
        self.save(name, text)
        return self.run(".venv/bin/python", name, code=code)

    def start(self, name: str, text: str, says: str) -> "subprocess.Popen[bytes]":
        """Save a program, and let it run. `says`: the file that has what it prints."""
        self.save(name, text)
        with (self.folder / says).open("wb") as file:
            return subprocess.Popen(
                [".venv/bin/python", name], cwd=self.folder, env=self.env, stdout=file
            )
