"""The code on a slip and the survivor's word, as they are made, typed and stored.

The code is a key to look up, and the word is what proves who asks: a slip that is found opens
nothing. Neither is stored. Both are keyed by the server's secret, so that a copy of the database
lets no one try words.
"""

import hmac
import secrets
import unicodedata
from functools import cache

from django.contrib.auth.hashers import check_password, make_password

from permissions.errors import BadRequest
from permissions.keys.derived_keys import derived_key

# No vowels (no words), and none that look alike. 15 random letters are 64 bits; the last one finds
# a slip of the finger.
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH, GROUP = 16, 4
SHORTEST, LONGEST = 6, 60  # characters of a word
DIFFERENT = 4  # characters of a word at least


def new_code() -> str:
    """A new code, without separators."""
    drawn = "".join(secrets.choice(LETTERS) for _ in range(LENGTH - 1))
    return drawn + _check_letter(drawn)


def in_groups(code: str) -> str:
    """The code as it is printed and read out."""
    return "-".join(code[at : at + GROUP] for at in range(0, LENGTH, GROUP))


def plain_code(typed: str) -> str | None:
    """The letters of a code as it was typed; None for what no slip can have."""
    plain = "".join(one for one in typed.upper() if one in LETTERS)
    if len(plain) != LENGTH or _check_letter(plain[:-1]) != plain[-1]:
        return None
    return plain


def _check_letter(drawn: str) -> str:
    """The letter that follows: another one if one letter is wrong, or two neighbors are swapped
    (the Luhn algorithm, in 20 letters)."""
    total = 0
    for place, letter in enumerate(reversed(drawn)):
        times = LETTERS.index(letter) * (2 if place % 2 == 0 else 1)
        total += times // len(LETTERS) + times % len(LETTERS)
    return LETTERS[-total % len(LETTERS)]


def hash_code(plain: str) -> bytes:
    """The keyed hash by which a slip is found: 32 bytes."""
    return hmac.digest(derived_key("slip code"), plain.encode(), "sha256")


def require_word(word: str) -> None:
    """Raise BadRequest for a word that is too short, too long or too plain."""
    plain = _plain_word(word)
    if not SHORTEST <= len(plain) <= LONGEST or len(set(plain)) < DIFFERENT:
        raise BadRequest(
            "slip_word",
            "Choose a word of 6 to 60 characters, 4 of them different.",
            "/word",
        )


def hash_word(word: str) -> str:
    """A slow, salted hash of the keyed word, as the hashers of passwords write it."""
    return make_password(_keyed(word))


def is_word(word: str, found: str | None) -> bool:
    """Whether it is the word of this hash. None: there is none, which takes the same time."""
    right = check_password(_keyed(word), found or _no_words_hash())
    return right and found is not None


@cache
def _no_words_hash() -> str:
    """A hash that no word has."""
    return make_password(secrets.token_urlsafe(32))


def prepare() -> None:
    """Make what the first wrong code of a process would otherwise wait for."""
    _no_words_hash()


def _keyed(word: str) -> str:
    return hmac.digest(derived_key("slip word"), _plain_word(word).encode(), "sha256").hex()


def _plain_word(word: str) -> str:
    """The word without what people type differently: capitals, spaces, accents as two signs."""
    text = unicodedata.normalize("NFKC", word[: LONGEST * 4]).casefold()
    return unicodedata.normalize("NFKC", "".join(text.split()))
