"""Elements of a resource that is read. What is not taken out of an element is refused and not
ignored: a sender who wrote it believes that it arrives."""

from typing import Any, NamedTuple

from api.fhir import names, vocabulary
from permissions.errors import BadRequest

# Of every resource: nothing of them is kept. A narrative repeats what the elements say.
NOT_KEPT = ("id", "meta", "language", "text")


class Coding(NamedTuple):
    """A code with its system. `path`: where it stands, as a FHIRPath expression."""

    system: str | None
    code: str | None
    path: str


class Element:
    """One object of a resource. `path` is where it stands. Its shape was checked before
    (shapes.py)."""

    def __init__(self, value: dict[str, Any], path: str) -> None:
        self._left = dict(value)
        self.path = path

    def take(self, name: str) -> Any:
        """Take out a value; None if it is not there."""
        return self._left.pop(name, None)

    def take_only(self, name: str, *allowed: str) -> None:
        """Take out a value that may be missing or one of `allowed`. Raises BadRequest."""
        given = self.take(name)
        if given is not None and given not in allowed:
            raise not_supported(self.at(name), f"Enter {' or '.join(allowed)}.")

    def child(self, name: str) -> "Element | None":
        """Take out an object; None if it is not there."""
        value = self.take(name)
        return None if value is None else Element(value, self.at(name))

    def children(self, name: str) -> "list[Element]":
        """Take out a list of objects."""
        found = self.take(name) or []
        return [Element(value, f"{self.at(name)}[{place}]") for place, value in enumerate(found)]

    def codings(self, name: str) -> list[Coding]:
        """Take out the codings of a CodeableConcept. A text next to a code only repeats it, and is
        not kept; a text alone is refused. Raises BadRequest."""
        concept = self.child(name)
        return [] if concept is None else concept.own_codings()

    def own_codings(self) -> list[Coding]:
        """Take out the codings of this CodeableConcept. Raises BadRequest."""
        codings = [coding.as_coding() for coding in self.children("coding")]
        if not codings:
            raise not_supported(self.path, "A text alone is not read: send a code.")
        self.leave("text")
        self.close()
        return codings

    def as_coding(self) -> Coding:
        """Read this Coding. Raises BadRequest."""
        made = Coding(self.take("system"), self.take("code"), self.path)
        self.leave("display", "version", "userSelected")
        self.close()
        return made

    def reference(self, name: str) -> str | None:
        """Take out a Reference and return where it leads to; '' for one that only has an identifier
        or a text, which are not kept; None if it is not there. Raises BadRequest."""
        found = self.child(name)
        return None if found is None else found.own_reference()

    def own_reference(self) -> str:
        to = self.take("reference") or ""
        self.leave("type", "identifier", "display")
        self.close()
        return str(to)

    def leave(self, *known: str) -> None:
        """Pass over elements that are documented as not kept."""
        for name in known:
            self.take(name)

    def close(self, *, named: bool = True) -> None:
        """Refuse what is left. Raises BadRequest. `named`: the shape was checked, so that the name
        is one of FHIR's; any other might be a person's, and is not repeated."""
        if left := sorted(self._left):
            place = self.at(left[0]) if named else self.path
            raise not_supported(place, "This element is not read here.")

    def at(self, name: str) -> str:
        return f"{self.path}.{name}"


def listed_code(coding: Coding, name: str) -> str:
    """Return the code, if it is one of this server's list of that name. Raises BadRequest."""
    code = coding.code or ""
    if coding.system != names.code_system(name) or code not in vocabulary.LISTS[name]:
        raise BadRequest("unknown_code", f"Not a code of {name}.", coding.path)
    return code


def not_supported(path: str, detail: str) -> BadRequest:
    """Return the refusal of what FHIR knows and this server does not take."""
    return BadRequest("not_supported", f"{detail} The page of deviations says what is.", path)
