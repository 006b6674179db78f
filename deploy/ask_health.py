"""Ask a check of health of the web process in this container: `python deploy/ask_health.py ready`.

The exit status is 0 if it answers 200 (`degraded` included), else 1. `live` is the other check.
Only the name of CAIRN_BASE_URL is answered, so that name is sent along.
"""

import http.client
import os
import sys
from urllib.parse import urlsplit


def is_well(check: str, timeout: float = 4) -> bool:
    """Say whether the check `live` or `ready` is 200, within `timeout` seconds."""
    host, _, port = (os.environ.get("CAIRN_BIND") or "127.0.0.1:8000").rpartition(":")
    name = urlsplit(os.environ.get("CAIRN_BASE_URL") or "http://127.0.0.1").hostname or ""
    here = "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104 (asked, not listened on)
    asking = http.client.HTTPConnection(here, int(port), timeout=timeout)
    try:
        asking.request("GET", f"/health/{check}", headers={"Host": name})
        return asking.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asking.close()


if __name__ == "__main__":
    sys.exit(0 if is_well(sys.argv[1]) else 1)
