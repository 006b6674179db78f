"""The fields of an act, one entry each. The API builds the request shape from them and the desk
builds a form. This module contains no HTTP and no widgets."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Final

from referrals.screening import Labels


class _Required:
    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Final = _Required()


@dataclass(frozen=True, slots=True)
class Field:
    """One value that an act takes.

    `name` is the field's name in the request body and in the form. `argument` is the function's
    parameter, if that has another name. `question` is the label at the desk, with `hint` below it.
    `help` describes the field in the contract. A field without a `default` is required. A field
    whose default is None may also be sent as null.
    """

    name: str
    _: KW_ONLY
    question: str = ""
    hint: str = ""
    help: str = ""
    default: Any = REQUIRED
    argument: str = ""

    @property
    def required(self) -> bool:
        """Return whether a request must include this field."""
        return self.default is REQUIRED

    @property
    def parameter(self) -> str:
        """Return the name of the parameter of the act's function that takes the value."""
        return self.argument or self.name


@dataclass(frozen=True, slots=True)
class Code(Field):
    """One code from a list. `chosen` is the code that the desk's form starts with."""

    codes: Labels
    _: KW_ONLY
    chosen: str | None = None


@dataclass(frozen=True, slots=True)
class Text(Field):
    """A text of 1 to `longest` characters. `lines` is the height of its box at the desk."""

    longest: int
    _: KW_ONLY
    lines: int = 1


@dataclass(frozen=True, slots=True)
class Flag(Field):
    """Yes or no."""


@dataclass(frozen=True, slots=True)
class Moment(Field):
    """A date and time with a time zone."""


@dataclass(frozen=True, slots=True)
class Id(Field):
    """The id of an object: a UUID."""


@dataclass(frozen=True, slots=True)
class Ids(Field):
    """A list of at most `most` ids."""

    most: int


@dataclass(frozen=True, slots=True)
class Body:
    """The fields of a request. `name` and `says` are its name and description in the contract. If
    no name is given, it is derived from the act's name. Two acts may share one body."""

    fields: Sequence[Field] = ()
    _: KW_ONLY
    name: str = ""
    says: str = ""


NOTHING: Final = Body(name="NothingIn", says="An empty object.")
