"""What README.md tells a newcomer to type does what it says, against a real server."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests

from tests.support.ground.repository import REPOSITORY


def test_the_snippet_gets_a_token_that_reads_referrals(server: Any, tmp_path: Path) -> None:
    snippet = re.search(r"```python\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.DOTALL)
    assert snippet
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "demo.json").write_text(json.dumps(server.demo))
    (tmp_path / "var" / "get_token.py").write_text(snippet[1])
    said = subprocess.run(
        [sys.executable, "-W", "error", "var/get_token.py", "police"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    token = {"Authorization": f"Bearer {said.stdout.strip()}"}
    answer = requests.get(f"{server.base_url}/v1/referrals", headers=token, timeout=30)
    assert answer.status_code == 200
    assert answer.json()["items"] == []
    nobody = requests.get(f"{server.base_url}/v1/directory/services?search=shelter", timeout=30)
    assert nobody.json()["total_items"] > 0
