"""What the desk's forms share: plain widgets, and a refusal shown at the field it belongs to."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import uuid4

from django import forms
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from api.desk.request_context import Visit
from api.texts import StrOrPromise
from directory import listings
from directory.listings import Listing
from directory.search.matches import MOST_PER_PAGE
from permissions import displayed_text
from permissions.errors import BadRequest, KeyReused, Refused, WrongState
from permissions.principal import Principal
from referrals import idempotency
from referrals.queries.details import Detail

Codes = Iterable[tuple[str, StrOrPromise]]
# The browser must neither remember nor send off what is typed here.
PRIVATE = {"autocomplete": "off", "spellcheck": "false"}


_MISSING: dict[type[forms.Field], StrOrPromise] = {
    forms.ChoiceField: _("Choose one."),
    forms.MultipleChoiceField: _("Choose at least one."),
}


class Text(forms.CharField):
    """A text that people can see, of one line where its widget has one."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if text is None or text in self.empty_values:
            return text
        text = displayed_text.normalized(text)
        lines = isinstance(self.widget, forms.Textarea)
        if fault := displayed_text.fault_of(text, lines=lines):
            raise forms.ValidationError(gettext(fault), "hidden")
        return text


@dataclass(frozen=True, slots=True)
class Group:
    """Fields shown together. With a heading they are folded away until they are wanted."""

    heading: StrOrPromise
    fields: list[forms.BoundField]

    @property
    def unfolded(self) -> bool:
        return any(field.errors for field in self.fields)


class DeskForm(forms.Form):
    """`refused` says which field a refusal's code belongs to; other refusals are shown at the
    top."""

    refused: ClassVar[Mapping[str, str]] = {}
    use_required_attribute = False  # our own words and summary, not the browser's bubbles

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": ""} | kwargs)
        for field in self.fields.values():
            field.error_messages["required"] = _MISSING.get(type(field), _("Please fill this in."))

    @property
    def groups(self) -> list[Group]:
        """The fields in the order in which they are shown."""
        return [Group("", self.visible_fields())]

    def hide(self, name: str) -> None:
        """Carry this field along without showing it."""
        field = self.fields[name]
        field.widget = field.hidden_widget()

    def refuse(self, refusal: Refused) -> None:
        """Show why the domain refused."""
        field: str | None = self.refused.get(refusal.code)
        if isinstance(refusal, BadRequest) and refusal.pointer:
            field = refusal.pointer.strip("/").split("/")[0]
            field += "_" if f"{field}_" in self.fields else ""
        words = gettext(refusal.detail)
        if isinstance(refusal, WrongState):
            words = gettext(
                "It has changed since you opened this page. Go back and check it first."
            )
        elif isinstance(refusal, KeyReused):
            words = gettext(
                "This form was already sent with other answers. Check your inbox first."
            )
        self.add_error(field if field in self.fields else None, words)


def one_of(codes: Codes, label: StrOrPromise, **options: Any) -> forms.ChoiceField:
    """One code, with all choices in sight: large targets for a thumb."""
    return forms.ChoiceField(choices=codes, label=label, widget=forms.RadioSelect, **options)


def some_of(codes: Codes, label: StrOrPromise, **options: Any) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        choices=codes, label=label, widget=forms.CheckboxSelectMultiple, **options
    )


def listed(codes: Codes, label: StrOrPromise, **options: Any) -> forms.ChoiceField:
    """One code of a longer list, behind the phone's own picker."""
    return forms.ChoiceField(choices=codes, label=label, **options)


def choices_of(field: forms.Field) -> list[tuple[str, StrOrPromise]]:
    """Return what a field of codes offers, where it has no groups."""
    assert isinstance(field, forms.ChoiceField)
    return list(field.choices)  # type: ignore[arg-type]


def services_to_choose(
    principal: Principal, leave_out: Callable[[Listing], bool], first: Iterable[Listing] = ()
) -> tuple[Codes, str]:
    """Return services as choices: `first`, then by name. Also return where the list ends, if it
    ends early. Call it within a transaction."""
    by_name = listings.search(principal, per_page=MOST_PER_PAGE)
    known = {one.id: one for one in (*first, *by_name.items) if not leave_out(one)}
    choices = [(str(one.id), f"{one.name} ({one.organization_name})") for one in known.values()]
    ends = ""
    if not by_name.last:
        ends = gettext("The list ends with “{name}”: others are in the directory.").format(
            name=by_name.items[-1].name
        )
    return [("", _("None")), *choices], ends


class _Moment(forms.DateTimeField):
    """A moment in UTC, so that days added to it are days, also over a change of the clocks. The
    hour that comes twice when clocks are set back is read as the first one; otherwise what a form
    proposes in that hour would be refused."""

    def to_python(self, value: Any) -> datetime | None:
        try:
            found = super().to_python(value)
        except forms.ValidationError:
            with timezone.override(UTC):
                plain = super().to_python(value)
            found = plain and plain.replace(tzinfo=timezone.get_current_timezone())
            if found and timezone.localtime(found.astimezone(UTC)).hour != found.hour:
                raise  # an hour that is skipped when clocks are set forward
        try:
            return found and found.astimezone(UTC)
        except OverflowError:  # the last hours of the year 9999: no act takes it
            return found


def moment(label: StrOrPromise, **options: Any) -> forms.DateTimeField:
    """A moment in the agency's time zone."""
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    return _Moment(label=label, widget=widget, **options)


class ActForm(DeskForm):
    """A form of one act on a referral. It may use who asks (`visit`) and what they are shown
    (`seen`)."""

    def __init__(self, *args: Any, visit: Visit, seen: Detail, **kwargs: Any) -> None:
        self.visit, self.seen = visit, seen
        super().__init__(*args, **kwargs)

    @classmethod
    def comes_after(cls, seen: Detail) -> str:
        """Return the page that has to come first, or ''."""
        return ""

    def arguments(self) -> dict[str, Any]:
        """Return what was entered, as the act's function takes it. Raises Refused."""
        raise NotImplementedError


class OnceForm(ActForm):
    """`key` makes a second tap on a slow line harmless: it leaves one record."""

    act = ""

    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)

    def idempotency_key(self) -> idempotency.Key:
        route = f"desk/referrals/{self.seen.referral.id}/{self.act}"
        plain = {name: str(value) for name, value in sorted(self.cleaned_data.items())}
        return idempotency.Key(route, plain["key"], repr(plain).encode())
