"""A real server process on the test database."""

import subprocess
from dataclasses import dataclass
from typing import Any


@dataclass
class Server:
    """A real gunicorn on the test database; `demo` is what demo.json would say of it."""

    base_url: str
    demo: dict[str, Any]
    process: subprocess.Popen[bytes]

    def member(self, who: str) -> dict[str, Any]:
        return next(one for one in self.demo["members"] if one["username"] == who)

    def client(self, key: str) -> dict[str, Any]:
        return next(one for one in self.demo["clients"] if one["agency"] == key)
