"""One form for a service's main columns, numbers, hours and marks. Everything else stays as it
is."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from api.desk.directory.entry_rows import (
    BLANK,
    LISTS,
    Document,
    Rows,
    initial,
    line,
    offer,
    plain,
    says,
    text,
)
from api.desk.directory.entry_rows import shown as as_text
from api.desk.directory.entry_summary import STATUS_WORDS
from api.desk.directory.making.marks import MARKS, Changed, Marks
from api.desk.forms import DeskForm, Group, listed
from permissions import displayed_text
from permissions.errors import BadRequest, Refused


@dataclass(frozen=True, slots=True)
class Filled:
    """The fields of one row. A new row is folded away until it has a value or an error."""

    heading: str
    fields: list[forms.BoundField]
    fresh: bool

    @property
    def unfolded(self) -> bool:
        return any(field.errors or field.value() for field in self.fields)


class EntryForm(DeskForm):
    """Bound to a document: the members of it that the form shows, and the rows of three lists."""

    name = line(_("Name"))
    alternate_name = line(_("Also called"), _("For example, its Spanish name."))
    description = text(_("What it does"))
    alert = line(_("Alert"), _("Shown at the top, for temporary news."))
    status = listed(
        list(STATUS_WORDS.items()),
        _("State"),
        help_text=_("Inactive and defunct listings are no longer found."),
    )
    eligibility_description = text(_("Who it is for"))
    minimum_age = forms.FloatField(
        label=_("From age"), required=False, min_value=0, max_value=150,
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
    )  # fmt: skip
    maximum_age = forms.FloatField(
        label=_("Up to age"), required=False, min_value=0, max_value=150,
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
    )  # fmt: skip
    application_process = text(_("How to get in"))
    fees_description = line(_("Cost"), _("Write “Free” where it is."))
    wait_time = line(_("Waiting time"))
    interpretation_services = line(_("Interpreting"))
    safe_contact_notes = text(_("Before you call"), _("What a caller has to know to stay safe."))
    url = line(_("Website"), inputmode="url")
    email = line(_("Email"), inputmode="email")
    etag = forms.CharField(widget=forms.HiddenInput)

    MAIN = (
        *("name", "alternate_name", "description", "alert", "status", "eligibility_description"),
        *("minimum_age", "maximum_age", "application_process", "fees_description", "wait_time"),
        *("interpretation_services", "safe_contact_notes", "url", "email"),
    )

    def __init__(self, *args: Any, document: Document, etag: str, **kwargs: Any) -> None:
        self.document = document
        values = {name: document.get(name, "") for name in self.MAIN} | {"etag": etag}
        super().__init__(*args, initial=values, **kwargs)
        self.fields["name"].required = True
        self.shown: dict[str, list[tuple[str, Document]]] = {}
        self.kept: dict[str, list[Document]] = {}  # rows that the form is too simple for
        for member, rows in LISTS.items():
            self._add(member, rows)
        self.marks = Marks(self, document)

    def _add(self, member: str, rows: Rows) -> None:
        there = self.document.get(member, [])
        self.kept[member] = [row for row in there if not rows.fits(row)]
        fitting = [row for row in there if rows.fits(row)]
        self.shown[member] = []
        for number, row in enumerate([*fitting, *({} for _number in range(BLANK))]):
            prefix = f"{member}-{number}"
            self.shown[member].append((prefix, row))
            for name, field in rows.fields().items():
                field.initial = initial(name, row)
                if name == "type":
                    offer(field, field.initial)
                if name == rows.key and not row:
                    field.help_text = ""
                self.fields[f"{prefix}-{name}"] = field

    @property
    def groups(self) -> list[Group]:
        return [Group("", [self[name] for name in self.MAIN])]

    @property
    def lists(self) -> Iterator[tuple[Rows, list[Filled], list[str]]]:
        """Yield each list with its rows to fill in, and the rows that it keeps as they are."""
        for member, rows in LISTS.items():
            filled = [
                Filled(
                    f"{rows.one} {number}"
                    if row
                    else gettext("Add: {what}").format(what=rows.one.lower()),
                    [self[f"{prefix}-{name}"] for name in rows.fields()],
                    not row,
                )
                for number, (prefix, row) in enumerate(self.shown[member], 1)
            ]
            yield rows, filled, [says(member, row) for row in self.kept[member]]

    def clean(self) -> Document:
        for prefix, row in self.shown["schedules"]:
            days, opens, closes = (
                self.cleaned_data.get(f"{prefix}-{name}")
                for name in ("byday", "opens_at", "closes_at")
            )
            if days and not opens:
                self.add_error(f"{prefix}-opens_at", _("Enter the opening time."))
            elif days and not closes:
                self.add_error(f"{prefix}-closes_at", _("Enter the closing time."))
            elif (opens or closes) and not days and not row:
                self.add_error(f"{prefix}-byday", _("Choose the days."))
        return self.cleaned_data

    # -- What it changes

    def patch(self) -> Document:
        """Return the merge patch: only members that differ from the document."""
        found: Document = {}
        for name in self.MAIN:
            value, there = self.cleaned_data.get(name), self.document.get(name)
            there = displayed_text.normalized(there) if isinstance(there, str) else there
            if (value if value != "" else None) != there:
                found[name] = None if value in ("", None) else value
        for member in LISTS:
            rows = [row for row, _prefix in self._rows(member)]
            if rows != self.document.get(member, []):
                found[member] = rows
        return found | self.marks.patch()

    def _rows(self, member: str) -> list[tuple[Document, str]]:
        """Return the list as it will be, in its old order, with the prefix of each row's fields."""
        rows = LISTS[member]
        found: list[tuple[Document, str]] = []
        shown = iter(self.shown[member])
        for row in self.document.get(member, []):
            if not rows.fits(row):
                found.append((row, ""))
                continue
            prefix, _row = next(shown)
            if self.cleaned_data.get(f"{prefix}-{rows.key}"):
                found.append((self._row(member, prefix, row), prefix))
        for prefix, _row in shown:
            if self.cleaned_data.get(f"{prefix}-{rows.key}"):
                found.append((self._row(member, prefix, dict(rows.fresh)), prefix))
        return found

    def _row(self, member: str, prefix: str, row: Document) -> Document:
        changed = dict(row)
        for name in LISTS[member].fields():
            value = plain(name, self.cleaned_data.get(f"{prefix}-{name}"), row.get(name))
            if value in ("", None):
                changed.pop(name, None)
            else:
                changed[name] = value
        if member == "holiday_schedules":
            changed["closed"] = "opens_at" not in changed
            changed.setdefault("end_date", changed["start_date"])
        return changed

    def changes(self) -> list[Changed]:
        """Return what the public will see differently from now."""
        found = []
        for name, value in self.patch().items():
            if name in MARKS:
                continue  # in the marks' own words
            if name in LISTS:
                before = [says(name, row) for row in self.document.get(name, [])]
                found.append(Changed(LISTS[name].title, before, [says(name, row) for row in value]))
            else:
                before = [as_text(self.document.get(name))]
                found.append(Changed(str(self.fields[name].label), before, [as_text(value)]))
        return found + self.marks.changes()

    def new_numbers(self) -> list[Document]:
        """Return phone numbers that are not in the entry yet: call them before they are
        published."""
        there = {row["number"] for row in self.document.get("phones", [])}
        rows = self.patch().get("phones", [])
        return [row for row in rows if row["number"] not in there]

    def refuse(self, refusal: Refused) -> None:
        """Show an error at the field that it belongs to, also in a row of a list."""
        if isinstance(refusal, BadRequest) and refusal.pointer:
            member, *rest = refusal.pointer.strip("/").split("/")
            if member in LISTS and rest and rest[0].isdecimal():
                rows = self._rows(member)
                prefix = rows[int(rest[0])][1] if int(rest[0]) < len(rows) else ""
                field = f"{prefix}-{rest[1] if len(rest) > 1 else LISTS[member].key}"
                self.add_error(field if field in self.fields else None, refusal.detail)
                return
        super().refuse(refusal)
