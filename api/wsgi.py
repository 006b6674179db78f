"""The WSGI application that gunicorn serves."""

import gc
import os
from collections.abc import Mapping
from typing import Any

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http.multipartparser import MultiPartParserError
from django.utils.http import parse_header_parameters

from api import logging_config

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "api.settings")


class Request(WSGIRequest):
    """Reads text as UTF-8 and ignores the `charset` of the request.

    A `charset` may name any of Python's codecs. One that is not for text ended the request before
    our code saw it, with the whole request line in the server's log (R10).
    """

    def _set_content_type_params(self, meta: Mapping[str, Any]) -> None:
        try:
            found = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except (ValueError, TypeError):  # it fails on what RFC 2231 allows
            found = "", {}
        self.content_type, self.content_params = found

    def parse_file_upload(self, META: Mapping[str, Any], post_data: Any) -> Any:  # noqa: N803
        """Parse a multipart form; the same function reads the headers of its parts."""
        try:
            return super().parse_file_upload(META, post_data)
        except TypeError:
            raise MultiPartParserError from None


class Handler(WSGIHandler):
    request_class = Request


django.setup(set_prefix=False)
from api.health import key_watch  # noqa: E402 (its modules need the settings)

application = Handler()
logging_config.quiet_server()
key_watch.start()
# What is loaded by now stays until the end. Collecting garbage in it took 60 ms, in the middle of
# one request in a few hundred.
gc.collect()
gc.freeze()
