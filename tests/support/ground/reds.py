"""Reds as they happen, a pytest plugin (`-p tests.support.ground.reds`) of the process that starts
the others: what failed, which files its worker had run before, and the command that repeats it.

`--reds FILE` also keeps them there, a JSON object a line, for tests/support/ground/again.py.
"""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--reds", type=Path, help="keep each failure in this file, a line each")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Reds(config), "cairn-reds")


SHOWN = 12  # lines: of a check of the system or of a list, the first names nothing


def message(report: pytest.TestReport) -> list[str]:
    """The lines of the failure's own message. The first is its exception and what that says."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash else str(report.longrepr)
    return text.strip().split("\n")


class Reds:
    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.files: dict[str, list[str]] = defaultdict(list)  # of each worker, in its order

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        worker = self._worker(report)
        file = report.nodeid.partition("::")[0]
        before = self.files[worker]
        if file not in before:
            before.append(file)
        if report.failed:
            said = message(report)
            self._say(report.nodeid, said, before)
            self._keep({"test": report.nodeid, "when": str(report.when), "message": said[0]})

    def _worker(self, report: pytest.TestReport) -> str:
        node: Any = getattr(report, "node", None)
        return str(node.gateway.id) if node else ""

    def _say(self, test: str, said: list[str], files: list[str]) -> None:
        out: Any = self.config.pluginmanager.get_plugin("terminalreporter")
        seed = self.config.getoption("randomly_seed", None)
        order = f" --randomly-seed={seed} --randomly-dont-reorganize" if seed else ""
        out.write_line(f"\nFAILED {test} - {said[0]}")
        for line in said[1:SHOWN]:
            out.write_line(f"  {line}")
        out.write_line(f"  again:              .venv/bin/python -m pytest {test!r}")
        out.write_line(f"  after what it came: .venv/bin/python -m pytest{order} {' '.join(files)}")

    def _keep(self, red: dict[str, str]) -> None:
        if path := self.config.getoption("reds"):
            with path.open("a") as file:
                file.write(json.dumps(red) + "\n")
