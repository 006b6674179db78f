"""The body of an answer as text, whatever it is: the parts of a workbook as well."""

import io
from typing import Any
from zipfile import ZipFile


def unpacked(body: bytes, answer: Any) -> bytes:
    """The body, or the parts of the workbook that it is."""
    if ".xlsx" not in answer.get("Content-Disposition", ""):
        return body
    with ZipFile(io.BytesIO(body)) as parts:
        return b"".join(parts.read(name) for name in parts.namelist())
