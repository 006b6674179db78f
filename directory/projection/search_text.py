"""Builds the search text of an entry, by weight: A for its names … D for its descriptions.

It is short on purpose: a search looks at hundreds of rows, and text that does not fit into a row
costs four more pages to read.
"""

from collections.abc import Iterable

from directory.projection.entry_documents import Document
from directory.projection.prefetch import RelatedRows, Row
from directory.vocabulary import by_key, synonyms

INDEXED_CHARACTERS = 100_000  # per weight: PostgreSQL refuses a tsvector over 1 MB


def of_service(
    shelf: RelatedRows, service: Row, terms: list[Row], places: list[tuple[Row, Row]]
) -> Document:
    """The words of a service, its terms in every language with synonyms, its places and its areas.

    Its own terms count as names; their ancestors match too, but rank lower.
    """
    organization = shelf.row("organization", service["organization_id"])
    assert organization is not None
    values = [
        row["value"]
        for table, parent in (("service", service), ("organization", organization))
        for row in shelf.attributes_of("attribute", table, parent["id"])
    ]
    own = shelf.own_term_ids("service", service["id"]) | shelf.own_term_ids(
        "organization", organization["id"]
    )
    alike = [
        (term["id"] in own, same["name"]) for term in terms for same in shelf.translations_of(term)
    ]
    near = [
        row[column]
        for _, place in places
        if not place["confidential"]
        for row in shelf.children_of("address", "location_id", place["id"])
        for column in ("city", "postal_code")
    ]
    areas = shelf.children_of("service_area", "service_id", service["id"])
    languages = shelf.children_of("language", "service_id", service["id"])
    return _joined(
        a=[service["name"], service["alternate_name"]],
        b=[
            organization["name"],
            organization["alternate_name"],
            *(name for borne, name in alike if borne),
            *values,
            *(word.replace("_", " ") for word in service["victimization_types"]),
        ],
        c=[
            *(name for borne, name in alike if not borne),
            *(word for term in terms if term["id"] in own for word in _synonyms(shelf, term)),
            *(place["name"] for _, place in places if not place["confidential"]),
            *near,
            *(row["name"] for row in [*areas, *languages]),
        ],
        d=[
            service["description"],
            service["eligibility_description"],
            service["application_process"],
            service["interpretation_services"],
            organization["description"],
        ],
    )


def of_organization(shelf: RelatedRows, organization: Row) -> Document:
    """The names, description and own terms of an organization."""
    terms = shelf.terms_of([("organization", organization["id"])])
    alike = [same for term in terms for same in shelf.translations_of(term)]
    spoken = _joined(
        a=[organization["name"], organization["alternate_name"]],
        b=[term["name"] for term in alike],
        c=[],
        d=[organization["description"]],
    )
    return {**spoken, "taxonomy_term_ids": sorted({str(term["id"]) for term in alike})}


def _synonyms(shelf: RelatedRows, term: Row) -> list[str]:
    """The words people type for a term of our own taxonomies, and for those that another's term
    means with their names, in both languages."""
    taxonomy = shelf.row("taxonomy", term["taxonomy_id"])
    own = ("", "")
    if taxonomy and not shelf.is_licensed(term):
        own = (taxonomy["external_id"], term["code"])
    found = list(synonyms().get(own, ()))
    for key in sorted(shelf.meanings_of(term) - {own}):
        found += [*by_key()[key].names.values(), *synonyms()[key]]
    return found


def _joined(**texts: Iterable[str]) -> Document:
    return {
        weight: "\n".join(part for part in parts if part)[:INDEXED_CHARACTERS]
        for weight, parts in texts.items()
    }
