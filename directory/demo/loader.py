"""The demo directory around Missoula, Montana: our own data, invented but for national lines.

Names and 406-555-01xx numbers belong to nobody. 911, 988 and the national hotlines are real.
"""

from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from directory import models as m
from directory.importing.import_package import Report, import_package
from directory.importing.parsing import id_of
from directory.importing.source_formats import read
from directory.taxonomy import bundled
from permissions import assignments
from permissions.database.aliases import JOBS

SOURCE = "cairn-demo"


def load_demo(agencies: Mapping[str, UUID]) -> Report:
    """Take the demo directory in, and the taxonomies it uses. Doing it again changes nothing.

    attributes.csv names terms by their ids (directory/vocabulary.py), as any source does that
    uses our taxonomies; its own ids say which they are.

    `agencies` are the demo agencies by key (hospital, ywca, sarc, solo, outsider): they answer
    some of the services, and edit the organizations of those; nobody here answers the others.
    """
    bundled.load()
    report = import_package(read(Path(__file__).parent), SOURCE, agencies=agencies)
    answered = m.Service.objects.using(JOBS).filter(source=SOURCE, answered_by__isnull=False)
    for service in answered.select_related("organization").order_by("organization_id"):
        assert service.answered_by_id is not None
        assignments.allow_editing(service.organization, service.answered_by_id)
    return report


def service_id(key: str) -> UUID:
    """The id of the demo's service that services.csv calls `key`."""
    return id_of(SOURCE, "service", key)
