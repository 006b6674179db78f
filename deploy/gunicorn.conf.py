"""How gunicorn serves Cairn behind nginx. Every value may be set in the environment.

Meanings, units and defaults: env.example. gunicorn's own variable WEB_CONCURRENCY (processes) and
its command line still win.
"""

import os

bind = os.environ.get("CAIRN_BIND") or "127.0.0.1:8000"
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
threads = int(os.environ.get("CAIRN_THREADS") or 4)

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
