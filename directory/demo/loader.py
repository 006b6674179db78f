"""Loads the demo directory around Missoula, Montana: our own data, invented except national lines.

Names and 406-555-01xx numbers are fictional. 911, 988 and the national hotlines are real.
"""

from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from directory import models as m
from directory.importing.formats.source_formats import read
from directory.importing.import_package import import_package
from directory.importing.outcome import Report
from directory.importing.parsing import id_of
from directory.taxonomy import bundled
from permissions import assignments
from permissions.database.aliases import JOBS

SOURCE = "cairn-demo"


def load_demo(agencies: Mapping[str, UUID]) -> Report:
    """Load the demo directory and the taxonomies it uses. Doing it again changes nothing.

    attributes.csv names terms by their ids (directory/vocabulary.py), like any source that uses our
    taxonomies; its own ids are readable and name the terms.

    `agencies` are the demo agencies by key (hospital, ywca, sarc, solo, outsider). They answer some
    of the services, and edit the organizations of those; no agency answers the others.
    """
    bundled.load()
    report = import_package(read(Path(__file__).parent), SOURCE, agencies=agencies)
    answered = m.Service.objects.using(JOBS).filter(source=SOURCE, answered_by__isnull=False)
    for service in answered.select_related("organization").order_by("organization_id"):
        assert service.answered_by_id is not None
        assignments.allow_editing(service.organization, service.answered_by_id)
    return report


def service_id(key: str) -> UUID:
    """The id of the demo service whose id in services.csv is `key`."""
    return id_of(SOURCE, "service", key)
