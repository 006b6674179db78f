"""`python -m tests.mutate`: read the options, give the run a cluster of its own, begin."""

import argparse
import os
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
DESCRIPTION = """\
Weaken one rule at a time and see a test turn red: each policy and each of its conditions, each
condition of the functions in schema `sec`, each line of RULES, each check of require, of the key
store and of sealing. Prints a line per mutant: caught, in how many seconds, by which judge; or that
it survives; survivors are tried again, in a new process. Exit code 0: every mutant was caught, or
tests/mutate/equivalent.py has a reason for it; 1: one survives, or that list names one that was
caught.
"""


def part(text: str) -> tuple[int, int]:
    """`2/3`: the second of three."""
    number, _, of = text.partition("/")
    if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise argparse.ArgumentTypeError("like 1/2: the first of two")
    return int(number), int(of)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="make mutate", description=DESCRIPTION, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", metavar="PATTERN", help="mutants whose name fits this expression")
    parser.add_argument("--list", action="store_true", help="name them, and try none")
    parser.add_argument(
        "--part",
        metavar="K/N",
        type=part,
        default=(1, 1),
        help="the K-th of N parts, for several clones at once",
    )
    parser.add_argument(
        "--by",
        metavar="FILE",
        nargs="+",
        help="only tests of these files judge, and no court; use it while you write them",
    )
    parser.add_argument(
        "--reach",
        action="store_true",
        help="first find out which test calls which function (runs the suite once)",
    )
    parser.add_argument(
        "--once",
        action="store_true",
        help="do not try what survives again before fresh judges",
    )
    chosen = parser.parse_args()
    os.chdir(REPOSITORY)
    # It may run next to `make test`: neither may empty the other's tables.
    os.environ.setdefault("CAIRN_TEST_HOME", str(REPOSITORY / "var" / "mutate"))
    if chosen.reach:
        from tests.mutate import reach

        return reach.measure()
    from tests.mutate.run import run

    return run(chosen.only, chosen.part, listing=chosen.list, by=chosen.by, once=chosen.once)


if __name__ == "__main__":
    sys.exit(main())
