"""The forms of a partner system: a new one, its keys, and from where and how much it may do."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from api.desk.agency import words
from api.desk.forms import PRIVATE, DeskForm, Text, one_of, some_of
from permissions.errors import BadRequest, Refused
from permissions.identity import client_keys, ip_allowlist
from permissions.identity.client_keys import PrivateKeyGiven
from permissions.models import MOST_OPENINGS, OPENINGS_A_DAY
from permissions.principal import are_compatible
from referrals.webhooks import key_sets

ID = r"\A[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?\Z"
FROM = [
    ("networks", _("Only from the networks below")),
    ("anywhere", _("From anywhere: a stolen key works from anywhere too")),
]


class _KeyFields(DeskForm):
    """Public keys: pasted, as a file, or at an address. `key_set`: what was read; None: nothing but
    an address was given. `holds_private`: a private key was given, and nothing may be kept."""

    key_set: dict[str, Any] | None = None
    holds_private = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = {"rows": "6"} | PRIVATE
        self.fields["keys"] = forms.CharField(
            required=False,
            label=_("Public key"),
            help_text=_("Paste a JWK, a JWK set or PEM text. Never the private key."),
            widget=forms.Textarea(attrs=rows),
        )
        self.fields["key_file"] = forms.FileField(
            required=False,
            label=_("Or a file with it"),
            widget=forms.FileInput(attrs={"accept": ".json,.jwks,.pem,.pub"}),
        )
        self.fields["keys_url"] = Text(
            required=False,
            label=_("Or the address of its key set"),
            help_text=_(
                "https, a public host name, port 443 or 8443. It is read now, and later only when"
                " you ask for it. You see the keys before they count."
            ),
            widget=forms.TextInput(attrs=PRIVATE | {"inputmode": "url"}),
        )

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        pasted, uploaded = found.get("keys"), found.get("key_file")
        if pasted and uploaded:
            self.add_error("keys", gettext("Paste the key or choose a file, not both."))
            uploaded = None
        text = pasted or (self._read(uploaded) if uploaded else "")
        if text:
            self._take("keys" if pasted else "key_file", text)
        if url := found.get("keys_url"):
            try:
                key_sets.check_address(url)
            except BadRequest as refusal:
                self.add_error("keys_url", gettext(refusal.detail))
        return found

    def _read(self, uploaded: Any) -> str:
        try:
            return str(uploaded.read(client_keys.MOST_TEXT + 1).decode())
        except UnicodeDecodeError:
            self.add_error("key_file", gettext("This file is not text. Give JSON or PEM."))
            return ""

    def _take(self, field: str, text: str) -> None:
        try:
            self.key_set = client_keys.read_key_text(text)
        except PrivateKeyGiven:
            self.holds_private = True
            self.add_error(field, gettext(PrivateKeyGiven.detail))
        except BadRequest as refusal:
            self.add_error(field, gettext(refusal.detail))

    def refuse(self, refusal: Refused) -> None:
        """Show why keys that were fetched are refused at the address they came from."""
        if isinstance(refusal, BadRequest) and not refusal.pointer:
            self.add_error("keys_url", gettext(refusal.detail))
        else:
            super().refuse(refusal)


class KeysForm(_KeyFields):
    """More keys of a system, or where they are."""

    refused: ClassVar[dict[str, str]] = dict.fromkeys(("lookups_spent", "lookups_busy"), "keys_url")


def _networks() -> Text:
    return Text(
        required=False,
        label=_("Networks"),
        help_text=_("One on each line, such as 203.0.113.0/24 or a single address."),
        widget=forms.Textarea(attrs=PRIVATE | {"rows": "3"}),
    )


def _quota() -> forms.IntegerField:
    return forms.IntegerField(
        min_value=1,
        max_value=MOST_OPENINGS,
        label=_("Referrals whose packets or notes it may open in 24 hours"),
        help_text=_("A stolen key shows at most these. It may open the same ones again."),
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )


def _clean_origin(form: forms.Form, found: dict[str, Any]) -> None:
    """Put the networks into `networks` as a list; empty: from anywhere."""
    lines = [one.strip() for one in (found.get("networks") or "").splitlines() if one.strip()]
    origin = found.get("origin")
    if origin == "anywhere" and lines:
        form.add_error(
            "networks", gettext("You chose “from anywhere”. Empty this, or choose again.")
        )
    if origin == "networks":
        if not lines:
            form.add_error("networks", gettext("Name at least one network."))
        for fault in _network_faults(lines):
            form.add_error("networks", fault)
    found["networks"] = lines


def _network_faults(lines: list[str]) -> Iterable[str]:
    for line in lines:
        try:
            ip_allowlist.canonical_networks([line])
        except BadRequest:
            yield gettext("“{line}” is not a network that can be allowed.").format(line=line[:60])
    if len(set(lines)) > ip_allowlist.MOST_NETWORKS:
        yield gettext("Give at most {number} networks.").format(number=ip_allowlist.MOST_NETWORKS)


class SystemForm(_KeyFields):
    """A new system. All that is wrong is said at once."""

    refused: ClassVar[dict[str, str]] = {
        "system_name": "name",
        "system_id": "client_id",
        "lookups_spent": "keys_url",
        "lookups_busy": "keys_url",
    }

    name = Text(label=_("Name"), max_length=200, help_text=_("As your people know the system."))
    client_id = Text(
        max_length=40,
        label=_("Client ID"),
        validators=[
            RegexValidator(ID, _("Use small letters, digits and hyphens, such as records."))
        ],
        widget=forms.TextInput(attrs=PRIVATE | {"autocapitalize": "none"}),
    )
    scopes = some_of(list(words.SCOPES.items()), _("What it may do"))
    system_of_record = forms.BooleanField(
        required=False,
        label=_("It is our system of record. Only such a system opens packets and notes."),
    )
    origin = one_of(FROM, _("Where it may call from"))
    networks = _networks()
    quota = _quota()

    def __init__(self, *args: Any, ending: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["client_id"].help_text = gettext(
            "Small letters, digits and hyphens. It then ends with -{ending}, as all of your"
            " agency's do."
        ).format(ending=ending)
        self.fields["quota"].initial = OPENINGS_A_DAY

    def clean(self) -> dict[str, Any]:
        found = super().clean()
        _clean_origin(self, found)
        chosen = found.get("scopes") or []
        if chosen and not are_compatible(chosen):
            self.add_error(
                "scopes",
                gettext(
                    "A system that reads the access log does nothing else but webhooks. Add two"
                    " systems."
                ),
            )
        nothing = not (found.get("keys") or found.get("key_file") or found.get("keys_url"))
        if nothing and not {"keys", "key_file", "keys_url"} & self.errors.keys():
            self.add_error("keys", gettext("Give its public key: as text, file or address."))
        return found


class OriginForm(DeskForm):
    """From where a system may call."""

    origin = one_of(FROM, _("Where it may call from"))
    networks = _networks()

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        _clean_origin(self, found)
        return found


class LimitsForm(OriginForm):
    """The same, and how much it may open."""

    quota = _quota()
