"""The form of a new listing: the least that a service needs to be found and called."""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from api.desk.directory.entry_rows import line, text
from api.desk.directory.making.marks import Marks
from api.desk.directory.making.place_form import Document, NewPlaceForm, address_line
from api.desk.forms import Group, choices_of, listed, one_of
from directory.editing.places.choices import OwnOrganization, Place
from permissions.errors import BadRequest, Refused

NEW = "new"
REFERRALS = [
    ("here", _("In Cairn: our agency answers its referrals")),
    ("phone", _("By phone only")),
]


class Write(NamedTuple):
    """One entry to make; `field` is where its refusal is shown if it belongs to no other."""

    table: str
    id: UUID
    document: Document
    name: str


class Unfolded(Group):
    """Fields under a heading that are in sight once one of them has a value."""

    @property
    def unfolded(self) -> bool:
        return any(field.errors or field.value() for field in self.fields)


def place_words(place: Place) -> str:
    """Return a place as a choice: its name, and its address if it is public."""
    if place.confidential:
        name = place.name or gettext("A place")
        return gettext("{name} (confidential)").format(name=name)
    return ": ".join(part for part in (place.name, place.address) if part) or gettext("A place")


class NewEntryForm(NewPlaceForm):
    """One service, with a new organization or place if it needs one. The ids are made when the form
    is shown, so that a second tap makes nothing twice."""

    service_id = forms.UUIDField(widget=forms.HiddenInput)
    organization_id = forms.UUIDField(widget=forms.HiddenInput)  # of a new one
    organization = forms.CharField(widget=forms.HiddenInput)
    organization_name = line(_("Name of the organization"))
    organization_description = text(_("What the organization does"))
    name = line(_("Name of the service"))
    description = text(_("What it does"))
    phone = line(_("Phone to call"), type="tel")
    referrals = one_of(REFERRALS, _("How do other agencies refer someone?"))
    confidential = forms.BooleanField(
        label=_("Network only: hide this service from the public"),
        help_text=_("The public cannot find it."),
        required=False,
    )
    place = listed([], _("Where it is"), required=False)

    MADE = ("organization_name", "organization_description")
    MAIN = ("name", "description", "phone", "referrals", "confidential")
    WHERE = (*NewPlaceForm.PLACE, "place_confidential")
    COLUMNS: ClassVar[Mapping[str, tuple[str, str]]] = {
        **NewPlaceForm.COLUMNS,
        "organization_name": ("organization", "name"),
        "organization_description": ("organization", "description"),
        "name": ("service", "name"),
        "description": ("service", "description"),
        "phone": ("phone", "number"),
    }

    def __init__(
        self,
        *args: Any,
        own: OwnOrganization | None,
        places: list[Place],
        agency_id: UUID,
        **kwargs: Any,
    ) -> None:
        self.own, self.places, self.agency_id = own, {str(one.id): one for one in places}, agency_id
        super().__init__(*args, **kwargs)
        for name in ("name", "description", "phone", *(() if own else self.MADE)):
            self.fields[name].required = True
        for name in self.MADE if own else ():
            del self.fields[name]
        choice = self.fields["place"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = [
            ("", _("No place: by phone or online")),
            *((key, place_words(one)) for key, one in self.places.items()),
            (NEW, _("A new place: write it below")),
        ]
        if own and own.confidential:  # then it is, and so is its place
            del self.fields["confidential"]
            self.initial["place_confidential"] = True
        self.marks = Marks(self, {})

    @property
    def groups(self) -> list[Group]:
        shown = [name for name in (*self.MADE, *self.MAIN) if name in self.fields]
        return [Group("", [self[name] for name in shown])]

    @property
    def where(self) -> tuple[forms.BoundField, Unfolded]:
        fields = [self[name] for name in self.WHERE]
        return self["place"], Unfolded(gettext("A new place"), fields)

    @property
    def hidden(self) -> bool:
        """Whether only the network will see the listing."""
        above = bool(self.own and self.own.confidential)
        return above or bool(self.cleaned_data.get("confidential"))

    def clean(self) -> Document:
        self.check_values()
        given = self.cleaned_data
        place = self.places.get(given.get("place") or "")
        written = any(given.get(name) for name in self.WHERE if name != "place_confidential")
        if given.get("place") == NEW:
            self.check_place(self.hidden)
        elif written and "place" not in self.errors:
            words = _("Choose “A new place”, or leave what you wrote below blank.")
            self.add_error("place", words)
        elif place and self.hidden and not place.confidential:
            words = _("Everyone can see this place. A confidential listing needs another one.")
            self.add_error("place", words)
        return given

    # -- What it makes

    def writes(self) -> list[Write]:
        """Return the entries to make, in the order in which they need each other."""
        given = self.cleaned_data
        found = []
        owner = str(self.own.id if self.own else given["organization_id"])
        if self.own is None:
            document: Document = {
                "name": given["organization_name"],
                "description": given["organization_description"],
            }
            if given.get("confidential"):
                document["confidential"] = True
            name = given["organization_name"]
            found.append(Write("organization", given["organization_id"], document, name))
        if given["place"] == NEW:
            name = given["place_name"] or gettext("A place")
            found.append(Write("location", given["place_id"], self.place_document(owner), name))
        found.append(Write("service", given["service_id"], self._service(owner), given["name"]))
        return found

    def _service(self, owner: str) -> Document:
        given = self.cleaned_data
        found: Document = {
            "organization_id": owner,
            "name": given["name"],
            "description": given["description"],
            "status": "active",
            "phones": [{"number": given["phone"], "type": "voice"}],
            **self.marks.patch(),
        }
        if given["referrals"] == "here":
            found["answered_by"] = str(self.agency_id)
        if given.get("confidential"):
            found["confidential"] = True
        place = given["place_id"] if given["place"] == NEW else given["place"]
        if place:
            found["service_at_locations"] = [{"location_id": str(place)}]
        return found

    def facts(self) -> list[tuple[str, list[str]]]:
        """Return what will be seen of it: titles with their lines."""
        given = self.cleaned_data
        found = [
            (str(self.fields[name].label), [given[name]])
            for name in (*self.MADE, "name", "description", "phone")
            if name in self.fields
        ]
        label = str(self.fields["referrals"].label)
        found.append((label, [str(dict(REFERRALS)[given["referrals"]])]))
        found += [(str(one.title), one.after) for one in self.marks.changes()]
        if given["place"] == NEW and given["place_confidential"]:
            where = [given["place_name"], gettext("Confidential: no one is shown where it is.")]
        elif given["place"] == NEW:
            where = [given["place_name"], address_line(self.address()), given["place_phone"]]
        else:
            where = [str(dict(choices_of(self.fields["place"]))[given["place"]])]
        found.append((str(self.fields["place"].label), [one for one in where if one]))
        return found

    def refuse_write(self, write: Write, refusal: Refused) -> None:
        """Show why one of the entries was refused, at the field that it is about."""
        if isinstance(refusal, BadRequest) and refusal.pointer:
            member = refusal.pointer.strip("/").split("/")[0]
            field = {
                ("organization", "name"): "organization_name",
                ("organization", "description"): "organization_description",
                ("service", "name"): "name",
                ("service", "description"): "description",
                ("service", "phones"): "phone",
                ("service", "service_at_locations"): "place",
            }.get((write.table, member))
            if field in self.fields:
                self.add_error(field, refusal.detail)
                return
        if write.table == "location":
            self.refuse(refusal)
        else:
            self.add_error(None, gettext(refusal.detail))
