"""What an act asks for: one entry a field. The API makes the shape of a request from them, the desk
a form. No HTTP and no widgets in here."""

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

    `name` is its name in the request's body and in the form; `argument` is the function's
    parameter, if that has another name. `question` is its label at the desk, with `hint` below it.
    `help` describes it in the contract. Without a `default` it is required; a default of None may
    also be sent as null.
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
        """Whether a request has to name it."""
        return self.default is REQUIRED

    @property
    def parameter(self) -> str:
        """The parameter of the act's function that takes it."""
        return self.argument or self.name


@dataclass(frozen=True, slots=True)
class Code(Field):
    """One code of a list. `chosen` is the code that the desk's form begins with."""

    codes: Labels
    _: KW_ONLY
    chosen: str | None = None


@dataclass(frozen=True, slots=True)
class Text(Field):
    """A text of 1 to `longest` characters. `lines`: how tall its box is at the desk."""

    longest: int
    _: KW_ONLY
    lines: int = 1


@dataclass(frozen=True, slots=True)
class Flag(Field):
    """Yes or no."""


@dataclass(frozen=True, slots=True)
class Moment(Field):
    """A moment with its time zone."""


@dataclass(frozen=True, slots=True)
class Id(Field):
    """The id of something: a UUID."""


@dataclass(frozen=True, slots=True)
class Ids(Field):
    """A list of at most `most` ids."""

    most: int


@dataclass(frozen=True, slots=True)
class Body:
    """The fields of a request. `name` and `says` are its name and description in the contract; the
    name is made of the act's where none is given. Two acts may share one."""

    fields: Sequence[Field] = ()
    _: KW_ONLY
    name: str = ""
    says: str = ""


NOTHING: Final = Body(name="NothingIn", says="An empty object.")
