"""What a generated client does not fit, and what a linter has against a contract, is found."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from openapi.checks import build

pytestmark = pytest.mark.no_database


def test_a_word_that_the_contract_does_not_have_is_not_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "CLIENTS", tmp_path / "clients")
    monkeypatch.setattr(build, "HERE", tmp_path / "checks")
    wrong: dict[Callable[[], Any], tuple[str, str]] = {
        build.typescript: ('agreement: "agrees"', 'agreement: "perhaps"'),
        build.python: ("SendAtOnceInAgreement.AGREES", "SendAtOnceInAgreement.PERHAPS"),
    }
    copied(tmp_path / "checks", dict(wrong.values()))
    for make in wrong:
        with pytest.raises(build.Failed, match=r"(?i)perhaps"):
            make()


def copied(folder: Path, changes: dict[str, str]) -> None:
    """The checks in another folder, with these words in place of others."""
    folder.mkdir()
    left = set(changes)
    for one in (build.ROOT / "openapi" / "checks").iterdir():
        if one.is_file():
            text = one.read_text()
            for right, word in changes.items():
                if right in text:
                    text, left = text.replace(right, word), left - {right}
            (folder / one.name).write_text(text)
    assert left == set()


UNUSED = "\n  schemas:\n    NeverUsed:\n      type: object\n"


def test_each_linter_would_say_what_it_has_against_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build.lint()
    text = build.CONTRACT.read_text()
    assert text.count("\n  schemas:\n") == 1
    faulty = tmp_path / "v1.yaml"
    faulty.write_text(text.replace("\n  schemas:\n", UNUSED))
    refused = []
    run = build._run

    def go_on(command: Any, *more: Any) -> None:
        with pytest.raises(build.Failed, match="unused-component") as failed:
            run(command, *more)
        refused.append(str(failed.value).split()[0])

    monkeypatch.setattr(build, "_run", go_on)
    build.lint(faulty)
    assert refused == ["spectral", "redocly"]
