"""Computes the facets that filter services, as short words in one indexed column: "language:es".

All of them are derived from the standard's rows, so that editors enter nothing twice. Accessibility
has two forms: "access:wheelchair" on a service's first row if any of its places has it, and
"here:wheelchair" on the row of that place.
"""

import re
from collections.abc import Iterable, Mapping, Set
from functools import lru_cache
from typing import Any

from babel import Locale

from directory.vocabulary import with_all_above

Row = Mapping[str, Any]

INTAKES = ("taking", "paused", "full", "unknown")
GENDERS = ("women", "men", "girls", "boys", "transgender", "nonbinary")  # codes of `served` terms
ACCESS: Mapping[str, re.Pattern[str]] = {  # closed list → words in sources, in both languages
    code: re.compile(rf"\b(?:{words})", re.I)
    for code, words in {
        "wheelchair": "wheel ?chair|silla de ruedas|ramp|rampa|ada\\b|step[- ]free|level entrance",
        "lift": "lift\\b|elevator|ascensor|elevador",
        "restroom": "restroom|toilet|bathroom|baño",
        "parking": "(?:disabled|accessible|handicap\\w*)[ _]parking|disabled_parking",
        "deaf": "deaf|hearing|induction loop|asl\\b|sign language|tdd\\b|tty\\b|sordo|señas",
        "blind": "blind|braille|large print|low vision|ciego|letra grande",
        "service_animal": "service animal|guide dog|perro gu[ií]a",
    }.items()
}
_FREE = re.compile(r"\b(?:free|no (?:cost|fee|charge)s?|gratis|gratuit[oa]s?|sin costo)\b", re.I)
_MONEY = re.compile(r"[$£€]\s?\d|\bnot free\b|\bno es gratis\b", re.I)
_NONE = re.compile(r"(?:no|none|n/?a|not available|ninguno)\.?", re.I)


def of_service(
    service: Row,
    *,
    intake: str,
    languages: Iterable[Row],
    costs: Iterable[Row],
    keys: Set[tuple[str, str]],
    accessibility: Iterable[Row],
) -> set[str]:
    """The facets of a whole service. `keys` are our own terms, as (taxonomy, code)."""
    served = {code for taxonomy, code in keys if taxonomy == "served"}
    types = {key for key in keys if key[0] == "victimization"}
    types |= {("victimization", one) for one in service["victimization_types"]}
    # A service for a narrower type also matches the wider one, but not the reverse.
    found = {f"type:{code}" for _, code in with_all_above(types)}
    found.add(f"intake:{intake}")
    found.add("answered" if service["answered_by_id"] else "phone_only")
    spoken = {code for row in languages if (code := language_code(row))}
    found |= {f"language:{code}" for code in spoken or {"en"}}
    found |= {f"served:{code}" for code in served}
    if not served & set(GENDERS):
        found.add("served:any_gender")
    told = service["interpretation_services"].strip()
    if (told and not _NONE.fullmatch(told)) or ("needs", "interpreting") in keys:
        found.add("interpreter")
    if is_free(service, list(costs)):
        found.add("cost:free")
    return found | {f"access:{code}" for code in access_codes(accessibility)}


def access_codes(rows: Iterable[Row]) -> set[str]:
    """The ACCESS codes that a place's accessibility rows mention."""
    text = "\n".join(f"{row['description']} {row['details']}" for row in rows)
    return {code for code, words in ACCESS.items() if words.search(text)}


def is_free(service: Row, costs: list[Row]) -> bool:
    """Whether the service says that it is free; one that does not say is not free."""
    told = f"{service['fees_description']} {service['fees']}"
    if _MONEY.search(told) or any(row["amount"] for row in costs):
        return False
    return bool(_FREE.search(told)) or any(row["amount"] == 0 for row in costs)


def language_code(row: Row) -> str:
    """The ISO 639 code of a language row: its code, or else found by its English or Spanish name;
    '' if unknown."""
    code = str(row["code"]).strip().lower().replace("_", "-").split("-")[0]
    if len(code) == 3:
        code = _three_letters().get(code, code)
    if code.isalpha() and 2 <= len(code) <= 3:
        return code
    return _names().get(_plain(str(row["name"])), "")


def _plain(name: str) -> str:
    return " ".join(re.sub(r"\(.*?\)", "", name).casefold().split())


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    found = {"american sign language": "ase", "asl": "ase", "sign language": "ase"}
    for locale in ("es", "en"):
        for code, name in Locale(locale).languages.items():
            if "_" not in code:
                found[name.casefold()] = code
    return found


@lru_cache(maxsize=1)
def _three_letters() -> dict[str, str]:
    """Three-letter codes of languages that also have a two-letter code (ISO 639-2 and 639-1)."""
    return {
        "eng": "en", "spa": "es", "fre": "fr", "fra": "fr", "ger": "de", "deu": "de", "rus": "ru",
        "chi": "zh", "zho": "zh", "vie": "vi", "kor": "ko", "ara": "ar", "por": "pt", "som": "so",
        "swa": "sw", "ukr": "uk", "pol": "pl", "tgl": "tl", "hin": "hi", "urd": "ur", "fas": "fa",
        "per": "fa", "jpn": "ja", "ita": "it", "amh": "am", "bur": "my", "mya": "my", "nep": "ne",
    }  # fmt: skip
