"""deploy/gunicorn.conf.py, for the server of the tests: it loads Cairn once, before its processes
begin, which are replaced for each file of tests. What a process starts for itself it still does
(api/wsgi.py)."""

import runpy
from typing import Any

from api.dev.processes import CONFIG

_deployed = runpy.run_path(str(CONFIG))
globals().update({name: value for name, value in _deployed.items() if not name.startswith("_")})


def when_ready(_server: Any) -> None:
    """Load what takes seconds: the models, and all that the routes lead to."""
    import django
    from django.urls import get_resolver

    django.setup(set_prefix=False)
    assert get_resolver().url_patterns
