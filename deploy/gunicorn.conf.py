"""How gunicorn serves Cairn behind nginx. Every value may be set in the environment.

Meanings, units and defaults: env.example. gunicorn's own variable WEB_CONCURRENCY (processes) and
its command line still win.
"""

import os
import shutil
import tempfile
from itertools import count
from typing import Any

bind = os.environ.get("CAIRN_BIND") or "127.0.0.1:8000"
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
threads = int(os.environ.get("CAIRN_THREADS") or 4)

# Threads, with a limit on the time that a request may take to arrive.
worker_class = "api.http.slow_clients.Worker"
# A head is refused when its first line, the number of its fields or one of them is larger (bytes).
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190
worker_connections = 1000  # open at once, in each process; the threads answer some of them

# A request is worth five seconds to the database; what takes longer than this hangs.
timeout = 30
graceful_timeout = 30
keepalive = 75  # longer than nginx keeps an idle connection to us open

# Nobody's request stays in memory for ever, and processes do not restart all at once.
max_requests = 10_000
max_requests_jitter = 1_000

# Cairn writes a line a request itself, without path or query (api/logging_config.py).
accesslog = None
loglevel = "warning"
control_socket_disable = True
MEMORY = "/dev/shm"  # noqa: S108 (gunicorn makes a file of its own in it, unlinked at once)
worker_tmp_dir = MEMORY if os.path.isdir(MEMORY) else None

# -- Figures (/metrics) ---------------------------------------------------------------------------

# All processes count in files of one folder, of this start of the server alone. A process that
# takes the place of another goes on with its files, so that they neither grow in number nor lose
# what was counted.
FOLDER, SLOT = "PROMETHEUS_MULTIPROC_DIR", "CAIRN_METRICS_SLOT"


def on_starting(server: Any) -> None:
    """Make the folder, before the first process."""
    server.metrics_folder = tempfile.mkdtemp(prefix="cairn-metrics-")
    os.environ[FOLDER] = server.metrics_folder


def pre_fork(server: Any, worker: Any) -> None:
    """Give the new process the first number that no running one has."""
    taken = {getattr(one, "metrics_slot", None) for one in server.WORKERS.values()}
    worker.metrics_slot = next(number for number in count() if number not in taken)


def post_fork(server: Any, worker: Any) -> None:
    """Tell the process, before it loads Cairn (api/http/request_metrics.py)."""
    os.environ[SLOT] = str(worker.metrics_slot)


def on_exit(server: Any) -> None:
    """Remove the folder."""
    shutil.rmtree(server.metrics_folder, ignore_errors=True)
