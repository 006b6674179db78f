#!/usr/bin/env python3
"""Hands the lead to another database host while this one's disk has little room left.

PostgreSQL on a full disk goes on reading and refuses to write, for hours if its log has room, and
Patroni sees a server that runs. So on each database host this looks every few seconds, as
`postgres`, with the environment of patroni.env; it needs Python alone. The standbys are asked for
nothing: if their disks are full as well, the database itself has grown, and a person has to make
room.
"""

import base64
import json
import os
import shutil
import sys
import time
import urllib.request

LEAST_MB = int(os.environ.get("CAIRN_LEAST_ROOM_MB") or 512)
EVERY_S = 3
AGAIN_S = 30  # between two tries


def say(text):
    print(f"room: {text}", file=sys.stderr, flush=True)


def ask(path, body=None):
    """The answer of this host's Patroni, or None."""
    address = os.environ["PATRONI_RESTAPI_CONNECT_ADDRESS"]
    who = f"{os.environ['PATRONI_RESTAPI_USERNAME']}:{os.environ['PATRONI_RESTAPI_PASSWORD']}"
    request = urllib.request.Request(
        f"http://{address}{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": "Basic " + base64.b64encode(who.encode()).decode()},
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 (http, as above)
            return answer.read().decode()
    except OSError as error:
        say(f"{path}: {error}")
        return None


def hand_over():
    """Let a synchronous standby lead, which has all that was answered."""
    members = json.loads(ask("/cluster") or "{}").get("members", [])
    me = os.environ["PATRONI_NAME"]
    if not any(one["name"] == me and one["role"] == "leader" for one in members):
        return
    for one in members:
        if one["role"] == "sync_standby":
            said = ask("/switchover", {"leader": me, "candidate": one["name"]})
            say(f"little room; {one['name']} shall lead: {said}")
            return
    say("little room, and no synchronous standby")


def main():
    place = os.environ["PATRONI_POSTGRESQL_DATA_DIR"]
    while True:
        try:
            little = shutil.disk_usage(place).free < LEAST_MB << 20
        except OSError:  # not made yet
            little = False
        if little:
            hand_over()
        time.sleep(AGAIN_S if little else EVERY_S)


if __name__ == "__main__":
    main()
