"""What terms of other taxonomies mean in ours, as a person confirmed it (ADR 0125).

A meaning is an attribute of the other term that names our term, as the standard writes it, under a
source of its own: it outlives every import. directory/taxonomy/crosswalk.py writes them.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from directory import models as m
from directory import vocabulary
from directory.vocabulary import Key

SOURCE = "cairn-crosswalk"


def stored(using: str) -> Any:
    """The attributes that say what a term means."""
    return m.Attribute.objects.using(using).filter(source=SOURCE, link_table="taxonomy_term")


def of_terms(terms: Collection[UUID], using: str) -> Mapping[UUID, frozenset[Key]]:
    """Our terms by the terms that mean them. One query."""
    found: dict[UUID, frozenset[Key]] = defaultdict(frozenset)
    if terms:
        rows = stored(using).filter(link_id__in=list(terms))
        for term, ours in rows.values_list("link_id", "taxonomy_term_id"):
            if key := vocabulary.key_by_id().get(ours):
                found[term] |= {key}
    return found
