"""How many transactions a second many clients get at once, by pgbench: it costs little, so that the
server is what is measured."""

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from psycopg2.extensions import adapt

from api.dev.postgres import Cluster
from api.postgres_binaries import find_binaries
from permissions.database.prepared_statements import PreparedStatement

CLIENTS, SECONDS = 16, 3  # (G4)
NEW = "gen_random_uuid()"  # said by the server: a new one each time


def a_second(
    cluster: Cluster,
    role: str,
    database: str,
    statements: list[PreparedStatement],
    values: Mapping[str, Any],
    *,
    behind: Sequence[str] = (),
    clients: int = CLIENTS,
    seconds: int = SECONDS,
) -> float:
    """Transactions of these statements, each of them prepared once a connection, behind others that
    are not; each is one packet. A value that is NEW is another each time."""
    given = {name: _written(value) for name, value in values.items()}
    parts = "; ".join((*behind, *(one.call for one in statements))).split("; ")
    packet = r"\; ".join(part % given for part in parts)
    plans = "".join(f"{one.plan};\n" for one in statements)
    script = f"\\if :first\n{plans}\\set first 0\n\\endif\n{packet};\n"
    dsn = cluster.dsn(role, database)
    env = os.environ | {
        "PGHOST": dsn["host"],
        "PGPORT": str(dsn["port"]),
        "PGUSER": dsn["user"],
        "PGPASSWORD": dsn["password"],
        "PGDATABASE": dsn["dbname"],
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "script.sql"
        file.write_text(script)
        command = [find_binaries() / "pgbench", "--no-vacuum", "--define=first=1", f"--file={file}"]
        command += [f"--client={clients}", "--jobs=2", f"--time={seconds}"]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    found = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
    if done.returncode != 0 or not found:
        raise SystemExit(f"pgbench: {done.stderr}")
    return float(found[1])


def _written(value: Any) -> str:
    if value is NEW:
        return NEW
    text = adapt(value).getquoted().decode()
    assert ":" not in text.replace("::", ""), "pgbench would take it for a variable"
    return text
