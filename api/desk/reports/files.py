"""The figures as a file: a table (CSV, RFC 4180) and a workbook (XLSX, Office Open XML)."""

import csv
import io
from codecs import BOM_UTF8 as BOM
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.http import HttpResponse
from xlsxwriter import Workbook

from api.audit_downloads import cell

Line = Sequence[str | int]
# The same figures are the same file, whenever it is taken.
MADE = datetime(2000, 1, 1, tzinfo=UTC)
KINDS = {
    "csv": "text/csv; charset=utf-8; header=present",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def answer(kind: str, name: str, head: Line, lines: Iterable[Line]) -> HttpResponse:
    """Answer with the file, of one of KINDS. `name` is without its ending."""
    content = _csv(head, lines) if kind == "csv" else _xlsx(head, lines)
    found = HttpResponse(content, content_type=KINDS[kind])
    found["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    found["X-Content-Type-Options"] = "nosniff"
    return found


def _csv(head: Line, lines: Iterable[Line]) -> bytes:
    writer: Any = csv.writer(text := io.StringIO(newline=""), quoting=csv.QUOTE_ALL)
    writer.writerow(head)
    writer.writerows([[cell(value) for value in line] for line in lines])
    return BOM + text.getvalue().encode()


def _xlsx(head: Line, lines: Iterable[Line]) -> bytes:
    """Text is written as text: nothing in it is a formula or a link."""
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with Workbook(stream := io.BytesIO(), options) as book:
        book.set_properties({"created": MADE})
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, head, book.add_format({"bold": True}))
        sheet.freeze_panes(1, 0)
        number = 0
        for number, line in enumerate(lines, 1):
            for column, value in enumerate(line):
                sheet.write(number, column, value)
        sheet.autofilter(0, 0, number, len(head) - 1)
        sheet.autofit()
    return stream.getvalue()
