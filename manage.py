#!/usr/bin/env python
"""Django's command line: `manage.py help` lists what Cairn adds to it."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "api.settings")
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    try:
        execute_from_command_line(sys.argv)
    except OperationalError as error:  # the server's, not ours: nothing in a trace would help
        if "--traceback" in sys.argv:
            raise
        sys.exit(
            f"The database cannot be asked: {str(error).strip()}\n"
            "What was not committed is undone. Whether it is there says: manage.py database status"
        )


if __name__ == "__main__":
    main()
