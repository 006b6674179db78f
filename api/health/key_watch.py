"""A thread of each web process that keeps an eye on the folder of keys.

It marks the folder for the other servers, and makes this process refuse what needs a key while its
folder is not the shared one (permissions/keys/key_folder.py). It holds no connection between two
looks. What fails is tried again, and is seen by /health/ready.
"""

import threading
import time

from django.db import connections

from permissions.keys import key_folder


def start() -> threading.Thread:
    """Begin. A process calls this once."""
    thread = threading.Thread(target=_run, name="key-watch", daemon=True)
    thread.start()
    return thread


def _run() -> None:
    while True:
        try:
            key_folder.step("default")
        except Exception:  # noqa: S110 (remembered in key_folder, and asked by /health/ready)
            pass
        finally:
            connections.close_all()  # this thread's own
        time.sleep(key_folder.EVERY_S)
