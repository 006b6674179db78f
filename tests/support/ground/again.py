"""Runs the tests, and tries again what failed for want of time: `python -m
tests.support.ground.again OPTIONS [-- PATHS]`, options and paths as pytest's.

Only a failure whose own message is of time or of the machine is tried again, in another process and
on another database, twice. It is FLAKY and not red when it is green both times, and no more than
three are so. Everything else is red at once: a wrong value, a row too many, a deadlock. A wall that
leaks once in a hundred runs is a finding (docs/adr/0108-the-gate.md).
"""

import json
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

MOST = 3
LIMIT_S = 1200  # one test by itself, with the database that is made for it

OF_TIME = re.compile(
    r"""
    ^([\w.]+\.)?(TimeoutError | TimeoutExpired | ReadTimeout | ConnectTimeout
                | ConnectionError | ConnectionResetError | ConnectionRefusedError
                | ConnectionAbortedError | BrokenPipeError)\b
    | ^[\w.]+:\ canceling\ statement\ due\ to\ statement\ timeout   # 57014
    | ^[\w.]+:\ [^:]*\bdid\ not\ (come|start|stop)\ within\b
    | ^OSError:\ \[Errno\ 98\]                                      # EADDRINUSE
    | ^worker\ '\w+'\ crashed\ while\ running\b
    """,
    re.VERBOSE,
)


def is_of_time(message: str) -> bool:
    """Whether a failure's own message, its first line, says that time or the machine failed it.
    ConnectionError is named with its four subclasses, for a message names the class itself."""
    return bool(OF_TIME.match(message.strip().partition("\n")[0]))


def status_of(options: list[str], seconds: float | None = None) -> int:
    """What pytest returned. Interrupted, it waits: Ctrl-C reaches pytest as well, which then says
    what had failed and stops its servers; subprocess.run would kill it after a quarter of a second.
    Raises TimeoutExpired, and kills it, after `seconds` in which no one interrupted it."""
    with subprocess.Popen([sys.executable, "-m", "pytest", *options]) as running:
        while True:
            try:
                return running.wait(seconds)
            except KeyboardInterrupt:
                continue
            except subprocess.TimeoutExpired:
                running.kill()
                raise


def green_again(options: list[str], test: str) -> bool:
    for _ in range(2):
        print(f"== again: {test}", flush=True)
        try:
            if status_of([*options, "-n", "0", test], LIMIT_S):
                return False
        except subprocess.TimeoutExpired:
            return False
    return True


def main(arguments: list[str]) -> int:
    """Returns 0 for green and flaky, else what pytest returned."""
    # A shell starts what runs behind it so that Ctrl-C is ignored, and so would all tests be.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    at = arguments.index("--") if "--" in arguments else len(arguments)
    options, paths = arguments[:at], arguments[at + 1 :]
    with tempfile.TemporaryDirectory(prefix="cairn-reds-") as folder:
        kept = Path(folder) / "reds"
        plugin = ["-p", "tests.support.ground.reds", "--reds", str(kept)]
        status = status_of([*plugin, *options, *paths])
        lines = kept.read_text().splitlines() if kept.exists() else []
    if status != 1:  # green, or interrupted, or broken: not a matter of tests
        return status
    reds: dict[str, list[str]] = {}
    for red in map(json.loads, lines):
        reds.setdefault(red["test"], []).append(red["message"])
    values = [test for test, said in reds.items() if not all(map(is_of_time, said))]
    if values or not reds:
        print(f"== red: {len(values)} of {len(reds)} are no matter of time; none is tried again.")
        return status
    if len(reds) > MOST:
        print(f"== red: {len(reds)} failed for want of time, more than {MOST}.")
        return status
    for test in reds:
        if not green_again(options, test):
            print(f"FAILED {test} - again, by itself")
            return status
    for test, said in reds.items():
        print(f"FLAKY {test}: {said[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
