"""Which server of WSGI: gunicorn or granian, on the same application and database (ADR 0105).

    .venv/bin/python -m tests.bench.servers --granian /path/to/venv/bin/granian

granian is installed in a virtual environment of its own, of the same Python. Both serve two
processes of four threads, in turn. What is asked: the inbox and the directory's list and the token
endpoint under load (by `wrk`, Debian's package), a process that is killed, one that is ended, slow
clients of three kinds, sizes of heads, and memory. Figures are of this machine: compare the two.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.bench import serve
from tests.bench.home import opened
from tests.bench.one_server import Server, ask
from tests.bench.server_trials import ended, killed, limits, next_to_slow
from tests.support.ground.ports import free_port

REPOSITORY = Path(__file__).resolve().parent.parent.parent
APP = "tests.bench.slow_app"
PROCESSES, THREADS = 2, 4

SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
local lines, at = {}, 0
for line in io.lines(os.getenv("FORMS")) do lines[#lines + 1] = line end
function request()
  at = at % #lines + 1
  return wrk.format(nil, nil, nil, lines[at])
end
"""


def warm_up(server: Server, head: str) -> None:
    """So that each thread has its connections and plans."""
    paths = ("/v1/referrals?box=in", "/v1/directory/services?per_page=50")
    for path in paths * 2 * PROCESSES * THREADS:
        if (status := ask(server.port, path, 60, head)) != 200:
            raise SystemExit(f"{server.name}: {path} is {status}")


# -- Load ------------------------------------------------------------------------------------------


def wrk(server: Server, path: str, connections: int, seconds: int, **more: Any) -> str:
    """Requests a second; the 50th, 99th and highest latency in ms; the server's processor time a
    request, which a busy machine changes least."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    for name, value in more.get("headers", {}).items():
        command += ["-H", f"{name}: {value}"]
    if script := more.get("script"):
        command += ["-s", str(script)]
    assert server.process
    pids = [server.process.pid, *server.workers()]
    before = serve.cpu_of(pids)
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{server.port}{path}"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | more.get("env", {}),
    ).stdout
    spent = serve.used(before, serve.cpu_of(pids))
    count = re.search(r"(\d+) requests in", done)
    each = spent * 1000 / max(1, int(count[1]) if count else 1)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done)
    took = {name: re.search(rf"\s{name}%\s+([\d.]+)(us|ms|s)", done) for name in ("50", "99")}
    most = re.search(r"Latency\s+\S+\s+\S+\s+([\d.]+)(us|ms|s)", done)
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", done)
    broken = re.search(r"Socket errors: (.+)", done)
    parts = [
        f"{float(rate[1]):.0f}/s" if rate else "?",
        *(f"{_ms(one):.0f}" for one in (took["50"], took["99"], most)),
        f"cpu {each:.2f}",
    ]
    return (
        " ".join(parts)
        + (f" wrong {wrong[1]}" if wrong else "")
        + (f" ({broken[1]})" if broken else "")
    )


def _ms(found: re.Match[str] | None) -> float:
    return float(found[1]) * {"us": 0.001, "ms": 1, "s": 1000}[found[2]] if found else -1


# -- The whole -------------------------------------------------------------------------------------


def made(granian: str, database: str) -> list[Server]:
    config = REPOSITORY / "deploy" / "gunicorn.conf.py"
    ports = free_port(), free_port()
    found = []
    for name, port in zip(("gunicorn", "granian"), ports, strict=True):
        base = f"http://127.0.0.1:{port}"
        env = os.environ | {"CAIRN_DATABASE": database, "CAIRN_BASE_URL": base}
        command = [
            *(sys.executable, "-m", "gunicorn", APP, "--config", str(config)),
            *("--bind", f"127.0.0.1:{port}", "--workers", str(PROCESSES)),
            *("--threads", str(THREADS), "--max-requests", "0"),
        ]
        if name == "granian":
            packages = next(one for one in sys.path if one.endswith("site-packages"))
            env |= {"PYTHONPATH": f"{REPOSITORY}{os.pathsep}{packages}"}
            command = [
                *(granian, "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)),
                *("--workers", str(PROCESSES), "--blocking-threads", str(THREADS)),
                *("--respawn-failed-workers", f"{APP}:application"),
                *("--workers-kill-timeout", "30"),
            ]
        found.append(Server(name, command, port, env))
    return found


def forms(client: dict[str, Any], base: str, path: Path, count: int) -> None:
    """So many requests for a token, each of an assertion of its own, good for a minute."""
    from urllib.parse import urlencode

    from tests.support.people.client_assertions import assertion, token_request

    url = f"{base}/oauth/token"
    path.write_text(
        "".join(urlencode(token_request(assertion(client, url))) + "\n" for _ in range(count))
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--granian", required=True, help="its command")
    parser.add_argument("--referrals", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=8, help="of each load")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--keep", action="store_true", help="use the last run's database")
    asked = parser.parse_args()
    if not shutil.which("wrk"):
        raise SystemExit("There is no wrk on this machine (Debian: wrk).")
    with opened() as (cluster, home):
        measure(cluster, home, asked)


def measure(cluster: Any, home: Path, asked: argparse.Namespace) -> None:
    from api.dev import demo
    from permissions.identity import credentials
    from permissions.models import Client
    from tests.bench import fill

    database = "bench_servers"
    if not asked.keep:
        fill.make(cluster, database, asked.referrals)
    fill.point_at(database)
    network = demo.load()
    partner = next(one for one in network["clients"] if one["agency"] == "ywca")
    script = home / "token.lua"
    script.write_text(SCRIPT)
    servers = made(asked.granian, database)
    log = home / "servers.log"
    for number in range(asked.rounds):
        for server in servers if number % 2 else reversed(servers):
            server.start(log)
            token = f"token-of-the-servers-{time.monotonic_ns()}"
            client = Client.objects.get(id=fill.client_id("ywca"))
            credentials.open_for_client(client, token, client.scopes)
            signed = {"Authorization": f"Bearer {token}"}
            warm_up(server, f"Authorization: Bearer {token}\r\n")
            parts = {
                "memory after the start": f"{server.memory_mib():.0f} MiB",
                "inbox, 8 at once": wrk(
                    server, "/v1/referrals?box=in", 8, asked.seconds, headers=signed
                ),
                "inbox, 64 at once": wrk(
                    server, "/v1/referrals?box=in", 64, asked.seconds, headers=signed
                ),
                "directory, 8 at once": wrk(
                    server, "/v1/directory/services?per_page=50", 8, asked.seconds
                ),
            }
            forms(partner, f"http://127.0.0.1:{server.port}", home / "forms", asked.seconds * 300)
            parts["token, 8 at once"] = wrk(
                server,
                "/oauth/token",
                8,
                asked.seconds,
                script=script,
                env={"FORMS": str(home / "forms")},
            )
            parts["memory after load"] = f"{server.memory_mib():.0f} MiB"
            parts["a process is killed (KILL)"] = killed(server, signal.SIGKILL)
            parts["a process is ended (TERM)"] = killed(server, signal.SIGTERM)
            parts["the server is ended (TERM)"] = ended(server, log)
            if number == 0:
                for kind in ("head", "body", "reader"):
                    parts[f"40 slow, by their {kind}"] = next_to_slow(server, kind)
                parts["heads"] = limits(server)
            server.stop()
            for what, figure in parts.items():
                server.figures[what] = " | ".join(
                    one for one in (server.figures.get(what), figure) if one
                )
                print(f"{server.name:9} {what:28} {figure}", flush=True)
    print("\n| what | gunicorn | granian |\n| --- | --- | --- |")
    for what in servers[0].figures:
        print(f"| {what} | " + " | ".join(one.figures[what] for one in servers) + " |")


if __name__ == "__main__":
    main()
