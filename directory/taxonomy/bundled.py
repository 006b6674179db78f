"""Loads our own taxonomies from the files in this folder into the database.

`needs` follows the five groups of services in the Victims of Crime Act's rule (28 CFR 94.119), plus
help with compensation; `victimization` is what happened; `served` is whom a service is for.
"""

from directory import vocabulary
from directory.taxonomy.parsed_terms import ParsedTaxonomy, ParsedTerm
from directory.taxonomy.term_storage import Stored, store


def load() -> Stored:
    """Store our own taxonomies, as `jobs`. Twice is safe.

    A Spanish term is a separate entry with the same code and taxonomy, as in the standard.
    """
    return store([_given(taxonomy) for taxonomy in vocabulary.taxonomies()], vocabulary.SOURCE)


def _given(taxonomy: vocabulary.Taxonomy) -> ParsedTaxonomy:
    first = vocabulary.LANGUAGES[0]
    return ParsedTaxonomy(
        vocabulary.taxonomy_id(taxonomy.key),
        taxonomy.key,
        taxonomy.names[first],
        taxonomy.descriptions[first],
        version=taxonomy.version,
        terms=[
            ParsedTerm(
                vocabulary.term_id(term.taxonomy, term.code, language),
                f"{term.taxonomy}/{term.code}/{language}",
                term.code,
                term.names[language],
                term.descriptions[language],
                vocabulary.term_id(term.taxonomy, term.parent, language) if term.parent else None,
                language,
            )
            for term in taxonomy.terms
            for language in vocabulary.LANGUAGES
        ],
    )
