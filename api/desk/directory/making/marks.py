"""What a service helps with, whom it is for, what happened to them, and its languages, as
checkboxes, and back. What the checkboxes do not know stays as it is.

Needs and whom it serves are attributes with terms of our taxonomies (directory/vocabulary.py), as
the search filters by them (search_form.py).
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from api.desk.directory import search_form
from api.desk.forms import DeskForm, choices_of, some_of
from api.languages import SOURCE
from api.texts import StrOrPromise
from directory import facets, vocabulary

Document = dict[str, Any]
Key = vocabulary.Key
TITLES = {
    "needs": _("What it helps with"),
    "victimization": _("What happened to the people it is for"),
    "served": _("Who it is for, by group"),
    "languages": _("Languages"),
}
ASSUMED = "en"  # spoken where an entry names no language
BY_ATTRIBUTE = ("needs", "served")
MARKS = ("attributes", "victimization_types", "languages")  # members of the document


class Changed(NamedTuple):
    """What a confirmation shows of one member: as it is, and as it will be."""

    title: StrOrPromise
    before: list[str]
    after: list[str]


class Folded(NamedTuple):
    """One group of checkboxes, folded away until one of them is checked."""

    field: forms.BoundField

    @property
    def chosen(self) -> list[str]:
        values = self.field.value() or ()
        known = _flat(self.field.field)
        return [known[one] for one in values if one in known]

    @property
    def unfolded(self) -> bool:
        return bool(self.field.errors)


class Section(NamedTuple):
    """One kind of mark: its groups, and the words of what is kept as it is."""

    title: str
    groups: list[Folded]
    kept: list[str]


def _flat(field: forms.Field) -> dict[str, str]:
    known = choices_of(field)
    return {str(code): str(words).removeprefix("\N{EN DASH} ") for code, words in known}


class Marks:
    """The checkboxes of a form, and the document that they were made from."""

    def __init__(self, form: DeskForm, document: Mapping[str, Any]) -> None:
        self.form, self.document = form, document
        self.fields: dict[str, list[str]] = {kind: [] for kind in TITLES}
        self.offered: dict[str, dict[str, str]] = {kind: {} for kind in TITLES}
        self.language = get_language() or SOURCE
        form.fields["with_marks"] = forms.CharField(
            widget=forms.HiddenInput, initial="1", required=False
        )
        for title, choices in search_form.needs(self.language):
            self._add("needs", title, choices)
        self._add("victimization", TITLES["victimization"], search_form.happened(self.language))
        for title, choices in search_form.served(self.language):
            self._add("served", title, choices)
        known = search_form.languages(self.language)
        most = len(search_form.SPOKEN)
        self._add("languages", TITLES["languages"], known[:most])
        self._add("languages", _("Other languages"), known[most:])

    def _add(self, kind: str, title: StrOrPromise, choices: list[tuple[str, str]]) -> None:
        name = f"{kind}_{len(self.fields[kind])}"
        self.fields[kind].append(name)
        self.offered[kind] |= dict(choices)
        there = self._there(kind)
        field = some_of(choices, title, required=False)
        field.initial = [code for code, _words in choices if code in there]
        self.form.fields[name] = field

    # -- What the document says

    def _there(self, kind: str) -> set[str]:
        if kind == "languages":
            rows = self.document.get("languages") or [{"code": ASSUMED, "name": ""}]
            return {_code(row) for row in rows}
        found = {code for taxonomy, code in map(_key, self._attributes()) if taxonomy == kind}
        if kind == "victimization":
            found |= set(self.document.get("victimization_types", ()))
        return found

    def _attributes(self) -> list[Document]:
        return list(self.document.get("attributes", ()))

    def _is_shown(self, row: Document) -> bool:
        taxonomy, code = _key(row)
        return code in self.offered.get(taxonomy, ())

    @property
    def sections(self) -> Iterator[Section]:
        for kind, title in TITLES.items():
            groups = [Folded(self.form[name]) for name in self.fields[kind]]
            yield Section(str(title), groups, self._kept(kind))

    def _kept(self, kind: str) -> list[str]:
        if kind == "languages":
            rows = self.document.get("languages", ())
            return [_name(row) for row in rows if _code(row) not in self.offered[kind]]
        found = [
            row.get("taxonomy_term", {}).get("name", "")
            for row in self._attributes()
            if not self._is_shown(row) and (_key(row)[0] or "needs") == kind
        ]
        if kind == "victimization":
            found += [
                self._term(kind, code)
                for code in self.document.get("victimization_types", ())
                if code not in self.offered[kind]
            ]
        return list(dict.fromkeys(one for one in found if one))

    def _term(self, taxonomy: str, code: str) -> str:
        term = vocabulary.by_key().get((taxonomy, code))
        return term.name_in(self.language) if term else code

    # -- What it changes

    def chosen(self, kind: str) -> list[str]:
        """Return the codes that are checked, in the order in which they are offered."""
        given = self.form.cleaned_data
        return [code for name in self.fields[kind] for code in given.get(name, ())]

    def patch(self) -> Document:
        """Return the members that differ from the document. Call it once the form is valid."""
        if not self.form.cleaned_data.get("with_marks"):
            return {}  # a page that did not have the checkboxes
        rows: tuple[list[Any], ...] = (
            self._attributes_now(),
            self._types_now(),
            self._languages_now(),
        )
        now = dict(zip(MARKS, rows, strict=True))
        return {name: one for name, one in now.items() if one != self.document.get(name, [])}

    def _attributes_now(self) -> list[Document]:
        chosen = {kind: set(self.chosen(kind)) for kind in (*BY_ATTRIBUTE, "victimization")}
        rows = [
            row
            for row in self._attributes()
            if not self._is_shown(row) or _key(row)[1] in chosen[_key(row)[0]]
        ]
        there = set(map(_key, rows))
        new = [
            {"taxonomy_term_id": str(vocabulary.term_id(kind, code))}
            for kind in BY_ATTRIBUTE
            for code in self.chosen(kind)
            if (kind, code) not in there
        ]
        return rows + new

    def _types_now(self) -> list[str]:
        chosen, offered = self.chosen("victimization"), self.offered["victimization"]
        said = self.document.get("victimization_types", [])
        marked = map(_key, self._attributes())
        there = {code for taxonomy, code in marked if taxonomy == "victimization"}
        stay = [code for code in said if code not in offered or code in chosen]
        return stay + [code for code in chosen if code not in said and code not in there]

    def _languages_now(self) -> list[Document]:
        said, chosen = self.document.get("languages", []), self.chosen("languages")
        if not said and self.document and chosen == [ASSUMED]:
            return []
        stay = [
            row
            for row in said
            if _code(row) not in self.offered["languages"] or _code(row) in chosen
        ]
        there, names = {_code(row) for row in stay}, search_form.language_names(SOURCE)
        return stay + [{"code": one, "name": names[one]} for one in chosen if one not in there]

    def changes(self) -> list[Changed]:
        """Return what a reader will see differently, kind by kind."""
        found, now = [], dict(self.document) | self.patch()
        for kind, title in TITLES.items():
            before, after = self._words(kind, self.document), self._words(kind, now)
            if before != after:
                found.append(Changed(str(title), before, after))
        return found

    def _words(self, kind: str, document: Mapping[str, Any]) -> list[str]:
        if kind == "languages":
            return [_name(row) for row in document.get("languages", ())]
        codes = [code for taxonomy, code in map(_key, document.get("attributes", ()))
                 if taxonomy == kind]  # fmt: skip
        if kind == "victimization":
            codes += document.get("victimization_types", ())
        return [self._term(kind, code) for code in dict.fromkeys(codes)]


def _key(row: Mapping[str, Any]) -> Key:
    """Return our term that an attribute has, as (taxonomy, code); ("", "") for any other."""
    named = row.get("taxonomy_term_id") or row.get("taxonomy_term", {}).get("id")
    return vocabulary.key_by_id().get(UUID(named), ("", "")) if named else ("", "")


def _code(row: Mapping[str, Any]) -> str:
    return facets.language_code({"code": row.get("code", ""), "name": row.get("name", "")})


def _name(row: Mapping[str, Any]) -> str:
    known = search_form.language_names(get_language() or SOURCE)
    return str(known.get(_code(row)) or row.get("name", ""))
