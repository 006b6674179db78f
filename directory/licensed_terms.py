"""Which sources have terms that may be shown to their licensees alone (ADR 0136).

The operator marks them (`manage.py directory licensed-terms`). What is marked is in no document, no
list and no export. It is kept, since services are found by what it means in our terms.
"""

from directory import models as m

# Of rows `t` of taxonomies or terms: that everyone may see them.
SHOWN = "t.source <> ALL ((SELECT sec.licensed_sources())::text[])"


def licensed_sources(using: str) -> frozenset[str]:
    """The names of these sources. One query."""
    rows = m.Source.objects.using(using).filter(licensed=True)
    return frozenset(rows.values_list("name", flat=True))
