"""`python -m openapi.checks`: lint the contract, make both clients and check their programs."""

import sys

from openapi.checks import build


def main() -> int:
    """Return 1, and say why, if one of them fails."""
    try:
        build.lint()
        print("openapi/v1.yaml: Spectral and Redocly find nothing.")
        for made in (build.typescript(), build.python()):
            print(f"{made.relative_to(build.ROOT)}: generated, and strictly checked.")
    except build.Failed as failed:
        print(failed, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
