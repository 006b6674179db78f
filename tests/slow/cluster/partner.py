"""`python -m tests.slow.cluster.partner`: a partner system that reads the feed of events, with one
cursor from the first page on, and never begins again."""

import argparse
import json
import signal
import threading
from pathlib import Path

from tests.slow.cluster.load import Journal, Officer, patiently


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", type=Path, required=True, help="demo.json of the network")
    parser.add_argument("--journal", type=Path, required=True)
    given = parser.parse_args()
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    system = Officer(json.loads(given.demo.read_text()))
    journal, after = Journal(given.journal), ""
    while not stopping.is_set():
        query = f"?limit=100&after={after}" if after else "?limit=100"
        try:
            answer = patiently(
                lambda: system.ask("GET", f"/v1/events{query}", None, {}),  # noqa: B023
                lambda: not stopping.is_set(),
            )
        except TimeoutError as error:
            journal.write(refused=str(error))
            continue
        if answer.status_code != 200:
            journal.write(refused=f"{answer.status_code} {answer.text[:200]}")
            stopping.wait(1)
            continue
        page = answer.json()
        after = page["next"]
        if page["items"]:
            journal.write(events=[one["id"] for one in page["items"]], next=after)
        if len(page["items"]) < 100:
            stopping.wait(0.3)


if __name__ == "__main__":
    main()
