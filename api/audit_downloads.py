"""The access log as a file, for API and desk: CSV (RFC 4180), NDJSON, or sealed, for the verifier.

It is sent while it is read. A CSV begins with a byte order mark: without one a spreadsheet reads
UTF-8 as another encoding, and a name like José as another name.

If a right ends or the database fails, the connection is cut before the last chunk: the reader sees
an incomplete file instead of a shorter log.
"""

import csv
import io
from codecs import BOM_UTF8 as BOM
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar
from uuid import UUID

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from api.http.json_bodies import as_json
from api.http.streams import Stream
from permissions.audit import queries
from permissions.audit.queries import EntryPage, Filters
from permissions.errors import BadRequest
from permissions.ledger import sealed_export

Answer = TypeVar("Answer", bound=HttpResponseBase)
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8; header=present",
    "ndjson": "application/x-ndjson",
    "sealed": "text/plain; charset=utf-8",
}
NAMES = {"csv": "access-log.csv", "ndjson": "access-log.ndjson", "sealed": "access-log-sealed.txt"}
COLUMNS = (
    *("id", "at", "member_id", "member_name", "client_id", "act", "purpose", "referral_id"),
    *("referral_ids", "subject", "fields", "release_id", "directory_id", "decision", "rule"),
    *("request_id", "address_prefix"),
)
# What a spreadsheet would run as a formula, in each of its widths (OWASP: CSV injection).
FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def export_entries(principal: Any, filters: Filters, kind: str) -> StreamingHttpResponse:
    """Answer with the file, after the entry of the export is committed.

    Raises what queries.export raises, Busy, and BadRequest for filters on a sealed export, which is
    always whole.
    """
    if kind == "sealed":
        if filters != Filters():
            raise BadRequest("invalid", "It is sealed whole: leave the filters out.", "format")
        lines = sealed_export.own_entries(principal)
    else:
        parts = queries.export(principal, filters)
        lines = _csv(parts) if kind == "csv" else _ndjson(parts)
    answer = StreamingHttpResponse(Stream(iter(lines)), content_type=MEDIA_TYPES[kind])
    return _as_file(answer, NAMES[kind])


def export_listings(principal: Any, referral_id: UUID, kind: str) -> HttpResponse:
    """Export whose lists contained the referral, as the page of its trail shows it.

    Writes the entry of an export. Raises NotPermitted.
    """
    found, names = queries.listings(principal, referral_id, "access_log.export")
    rows = [
        one._asdict() | {"member_name": one.member_id and names.get(one.member_id)} for one in found
    ]
    if kind == "csv":
        writer: Any = csv.writer(text := io.StringIO(newline=""), quoting=csv.QUOTE_ALL)
        writer.writerows([(*queries.Listing._fields, "member_name"), *map(_cells, rows)])
        body = BOM + text.getvalue().encode()
    else:
        body = b"".join(as_json(one) + b"\n" for one in rows)
    return _as_file(HttpResponse(body, content_type=MEDIA_TYPES[kind]), f"who-had-it.{kind}")


def _as_file(answer: Answer, name: str) -> Answer:
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def row(entry: Any, names: dict[UUID, str]) -> dict[str, Any]:
    """Return an entry by the names of its columns, for JSON and CSV."""
    found = {name: getattr(entry, name, None) for name in COLUMNS}
    return found | {"member_name": names.get(entry.member_id)}


def _ndjson(parts: Iterable[EntryPage]) -> Iterator[bytes]:
    for part in parts:
        yield b"".join(as_json(row(one, part.names)) + b"\n" for one in part.entries)


class _Line:
    """A file for csv to write to: it returns the line, for us to send."""

    def write(self, text: str) -> str:
        return text


def _csv(parts: Iterable[EntryPage]) -> Iterator[bytes]:
    writer: Any = csv.writer(_Line(), quoting=csv.QUOTE_ALL)
    yield BOM + writer.writerow(COLUMNS).encode()
    for part in parts:
        lines = (writer.writerow(_cells(row(one, part.names))) for one in part.entries)
        yield "".join(lines).encode()


def _cells(values: dict[str, Any]) -> list[str]:
    return [cell(value) for value in values.values()]


def cell(value: Any) -> str:
    """Return a value as text that no spreadsheet runs; list items are separated by spaces."""
    if value is None:
        return ""
    if hasattr(value, "isoformat"):
        return str(value.isoformat().replace("+00:00", "Z"))
    text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text
