"""The WSGI application that gunicorn serves."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "api.settings")
application = get_wsgi_application()
# What is loaded by now stays until the end. To look it through for garbage took 60 ms, in the
# middle of one request in a few hundred.
gc.collect()
gc.freeze()
