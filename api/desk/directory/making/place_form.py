"""The fields of a place: a new one, or one that is there. A confidential one has no address."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from api.desk.directory.entry_rows import line
from api.desk.directory.making.marks import Changed
from api.desk.forms import DeskForm
from directory.editing.validation import Fault, read_value
from directory.hsds.schema import TABLES
from permissions.errors import BadRequest, Refused

Document = dict[str, Any]
UNITED_STATES = "US"
ZIP = re.compile(r"\d{5}(-\d{4})?")
BLANK = _("Leave this blank: the directory does not store where a confidential place is.")
WHERE = {  # a field → the column of an address
    "place_address_1": "address_1",
    "place_address_2": "address_2",
    "place_city": "city",
    "place_state": "state_province",
    "place_zip": "postal_code",
}
NEEDED = ("place_address_1", "place_city", "place_state", "place_zip")
POINTERS = {"name": "place_name", "phones": "place_phone"} | {
    column: field for field, column in WHERE.items()
}


class PlaceForm(DeskForm):
    """A place's name, address and number."""

    place_name = line(_("Name of the place"), _("For example: Main office."))
    place_address_1 = line(_("Street and number"))
    place_address_2 = line(_("Building, floor, door"))
    place_city = line(_("Town"))
    place_state = line(_("State"), _("Two letters, for example MT."))
    place_zip = line(_("ZIP code"), most=10, inputmode="numeric")
    place_phone = line(_("Phone at this place"), _("If it has its own."), type="tel")

    PLACE = ("place_name", *WHERE, "place_phone")
    COLUMNS: ClassVar[Mapping[str, tuple[str, str]]] = {
        "place_name": ("location", "name"),
        "place_phone": ("phone", "number"),
        **{field: ("address", column) for field, column in WHERE.items()},
    }

    def check_values(self) -> None:
        """Add the errors that the domain would find, before anything is saved."""
        for name, (table, column) in self.COLUMNS.items():
            if value := self.cleaned_data.get(name):
                try:
                    read_value(table, column, TABLES[table].columns[column], value)
                except Fault as fault:
                    self.add_error(name, gettext(f"{str(fault).capitalize()}."))

    def require_where(self, country: str = UNITED_STATES) -> None:
        """Add an error at each part of an address that is missing or wrong."""
        given = self.cleaned_data
        for name in NEEDED:
            if not given.get(name) and name not in self.errors:
                self.add_error(name, _("Please fill this in."))
        code = given.get("place_zip")
        if code and country == UNITED_STATES and not ZIP.fullmatch(code):
            self.add_error("place_zip", _("Enter 5 digits, like 59801."))

    def forbid_where(self) -> None:
        """Add an error at everything that says where a confidential place is."""
        for name in (*WHERE, "place_phone"):
            if self.cleaned_data.get(name):
                self.add_error(name, BLANK)

    def address(self) -> Document:
        """Return the address's columns that the form has."""
        given = self.cleaned_data
        found = {column: given.get(name) or "" for name, column in WHERE.items()}
        if len(found["state_province"]) == len("MT"):
            found["state_province"] = found["state_province"].upper()
        return found

    def refuse(self, refusal: Refused) -> None:
        if isinstance(refusal, BadRequest) and refusal.pointer:
            first, *rest = refusal.pointer.strip("/").split("/")
            field = POINTERS.get(rest[-1] if first == "addresses" and rest else first)
            if field in self.fields:
                self.add_error(field, refusal.detail)
                return
        super().refuse(refusal)


class NewPlaceForm(PlaceForm):
    """A new place, which may be confidential from the start."""

    place_id = forms.UUIDField(widget=forms.HiddenInput)
    place_confidential = forms.BooleanField(
        label=_("The location of this place is confidential"),
        help_text=_(
            "Then leave the address and the phone blank. Your agency may seal the address for its"
            " own staff afterwards."
        ),
        required=False,
    )

    def check_place(self, hidden: bool) -> None:
        """Add the errors of a new place. `hidden`: the service at it is for the network only."""
        if self.cleaned_data.get("place_confidential"):
            self.forbid_where()
        elif hidden:
            words = _("A listing that only the network sees needs a confidential place.")
            self.add_error("place_confidential", words)
        else:
            self.require_where()

    def place_document(self, organization_id: str) -> Document:
        """Return the new place's document."""
        given = self.cleaned_data
        found: Document = {"organization_id": organization_id}
        if given["place_name"]:
            found["name"] = given["place_name"]
        if given["place_confidential"]:
            return found | {"confidential": True}
        where = {name: value for name, value in self.address().items() if value}
        found["addresses"] = [where | {"country": UNITED_STATES, "address_type": "physical"}]
        if given["place_phone"]:
            found["phones"] = [{"number": given["place_phone"]}]
        return found


def address_line(address: Document) -> str:
    town = " ".join(part for name in ("state_province", "postal_code") if (part := address[name]))
    parts = (address["address_1"], address.get("address_2", ""), address["city"], town)
    return ", ".join(part for part in parts if part)


class ChangePlaceForm(PlaceForm):
    """A public place as it is. Its other addresses and numbers stay as they are."""

    etag = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, document: Document, etag: str, **kwargs: Any) -> None:
        self.document = document
        addresses = document.get("addresses", [])
        visited = (n for n, one in enumerate(addresses) if one.get("address_type") != "postal")
        self.at = next(visited, len(addresses))  # which address is shown; else it is a new one
        there = addresses[self.at] if self.at < len(addresses) else {}
        self.phones = document.get("phones", [])
        spoken = (n for n, one in enumerate(self.phones) if one.get("type", "voice") == "voice")
        self.phone_at = next(spoken, len(self.phones))  # which number is shown
        values = {name: there.get(column, "") for name, column in WHERE.items()} | {
            "place_name": document.get("name", ""),
            "place_phone": self.number,
            "etag": etag,
        }
        self.country = there.get("country", UNITED_STATES)
        self.there = there
        super().__init__(*args, initial=values, **kwargs)

    def clean(self) -> Document:
        self.check_values()
        if self.there or any(self.cleaned_data.get(name) for name in WHERE):
            self.require_where(self.country)
        return self.cleaned_data

    def patch(self) -> Document:
        """Return the merge patch: only members that differ from the document."""
        found: Document = {}
        name = self.cleaned_data["place_name"]
        if name != self.document.get("name", ""):
            found["name"] = name or None
        where = self.address()
        if any(where[column] != self.there.get(column, "") for column in where):
            addresses = list(self.document.get("addresses", []))
            fresh = {"country": UNITED_STATES, "address_type": "physical"}
            kept = {name: one for name, one in self.there.items() if name not in where}
            said = {name: one for name, one in where.items() if one}
            addresses[self.at : self.at + 1] = [(kept or fresh) | said]
            found["addresses"] = addresses
        number = self.cleaned_data["place_phone"]
        if number != self.number:
            phones, at = list(self.phones), self.phone_at
            there = phones[at] if at < len(phones) else {}
            phones[at : at + 1] = [there | {"number": number}] if number else []
            found["phones"] = phones
        return found

    @property
    def number(self) -> str:
        return self.phones[self.phone_at]["number"] if self.phone_at < len(self.phones) else ""

    @property
    def loses_its_point(self) -> bool:
        """Return whether the exact point goes, because it belongs to the old address."""
        return "latitude" in self.document and "addresses" in self.patch() and self._moves()

    def _moves(self) -> bool:
        where = self.address()
        columns = [column for column in where if column != "address_2"]
        return any(where[column] != self.there.get(column, "") for column in columns)

    def changes(self) -> list[Changed]:
        """Return what everyone will see differently from now."""
        change, found = self.patch(), []
        if "name" in change:
            title, before = str(self.fields["place_name"].label), self.document.get("name")
            found.append(Changed(title, _lines(before), _lines(change["name"])))
        if "addresses" in change:
            before = [address_line(self.there)] if self.there else []
            found.append(Changed(str(_("Address")), before, [address_line(self.address())]))
        if "phones" in change:
            title, now = str(self.fields["place_phone"].label), self.cleaned_data["place_phone"]
            found.append(Changed(title, _lines(self.number), _lines(now)))
        return found


def _lines(value: str | None) -> list[str]:
    return [value] if value else []
