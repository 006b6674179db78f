"""Reads Open Eligibility's XML: services and situations, up to four levels deep.

Its declaration says XML 2.0, which does not exist, so the declaration is ignored. No document type
is allowed, so that no entity can be declared and no external resource is ever opened.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID
from xml.parsers import expat

from directory.importing.parsing import id_of
from directory.taxonomy.parsed_terms import (
    Faults,
    NotATaxonomy,
    ParsedFile,
    ParsedTaxonomy,
    ParsedTerm,
    clean,
)

DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")
SECTIONS = ("services", "situations")  # Open Eligibility's two halves, one taxonomy each
MAKER = "Open Eligibility"


def read_xml(text: str, source: str, name: str = "") -> ParsedFile:
    """Read the taxonomies in the text of such a file. Raises NotATaxonomy.

    A code that is used for two different things (1206 is) gets a number for the second.
    """
    found = ParsedFile()
    reader = _OpenEligibility(found, source, name or MAKER)
    try:
        reader.parser.Parse(DECLARATION.sub("", text, count=1), True)
    except expat.ExpatError as error:
        raise NotATaxonomy(f"line {error.lineno}: not well-formed XML.") from None
    reader.faults.refuse()
    found.taxonomies = [taxonomy for taxonomy in reader.taxonomies() if taxonomy.terms]
    if not found.taxonomies:
        raise NotATaxonomy("no services or situations of Open Eligibility's form in this XML.")
    return found


class _OpenEligibility:
    """The XML handlers for one file, and the data that they collect."""

    def __init__(self, found: ParsedFile, source: str, name: str) -> None:
        self.faults = Faults()
        self._found, self._source, self._name = found, source, name
        self._section = ""
        self._above: list[UUID] = []
        self._words: list[str] = []
        self._version = ""
        self._category = ""
        self._told: dict[str, str] = {}  # descriptions of categories, by code
        self._terms: dict[str, list[ParsedTerm]] = {section: [] for section in SECTIONS}
        self._codes: set[str] = set()
        self.parser = expat.ParserCreate()
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._words.append

    def _doctype(self, *_args: object) -> None:
        raise NotATaxonomy("a document type is declared in this XML: refused, it may do harm.")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._words.clear()
        if tag in SECTIONS:
            self._section = tag
        elif tag == "category":
            self._category = attributes.get("id", "")
        elif tag.endswith("_level") and self._section:
            self._level(clean(attributes.get("id", "")), clean(attributes.get("title", "")))

    def _level(self, code: str, title: str) -> None:
        where = f"line {self.parser.CurrentLineNumber}"
        if not (code and title):
            self.faults.add(where, "an entry without id or title")
        own = code
        while own in self._codes:
            number = int(own.rpartition("-")[2]) + 1 if own != code else 2
            own = f"{code}-{number}"
        if own != code:
            self._found.notes.append(f"{where}: the code {code} stands twice, {title} gets {own}")
        self._codes.add(own)
        term = ParsedTerm(
            id_of(self._source, "taxonomy_term", own),
            own,
            own,
            title,
            parent=self._above[-1] if self._above else None,
            language="en",
        )
        self._terms[self._section].append(term)
        self._above.append(term.id)

    def _end(self, tag: str) -> None:
        said = " ".join(clean("".join(self._words)).split())
        if tag == "category" and self._category:
            self._told[self._category] = said
        elif tag == "version":
            self._version = said
        elif tag.endswith("_level") and self._above:
            self._above.pop()
        elif tag == self._section:
            self._section = ""
        self._words.clear()

    def taxonomies(self) -> Iterable[ParsedTaxonomy]:
        """One taxonomy per section. Call it after reading the whole file, since descriptions of
        categories are separate from the categories."""
        for section, terms in self._terms.items():
            yield ParsedTaxonomy(
                id_of(self._source, "taxonomy", section),
                section,
                f"{self._name}: {section}",
                version=self._version,
                terms=[replace(term, description=self._told.get(term.code, "")) for term in terms],
            )
