#!/usr/bin/env python
"""Django's command line: `manage.py help` lists what Cairn adds to it."""

import os
import sys
import tempfile


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "api.settings")
    if sys.argv[1:2] == ["setup"]:  # it makes the settings: none are there yet, and none are made
        with tempfile.TemporaryDirectory() as folder:
            _run(os.environ.setdefault("CAIRN_HOME", folder))
    else:
        _run()


def _run(*_: str) -> None:
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    try:
        execute_from_command_line(sys.argv)
    except OperationalError as error:  # the server's, not ours: nothing in a trace would help
        if "--traceback" in sys.argv:
            raise
        sys.exit(
            f"The database does not answer: {str(error).strip()}\n"
            "What was not committed is undone. To check it: manage.py database status"
        )


if __name__ == "__main__":
    main()
