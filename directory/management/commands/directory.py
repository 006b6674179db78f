"""`manage.py directory …`: the services in the directory. Each verb is in directory/management/."""

from directory.importing.formats.source_formats import NotReadable
from directory.importing.import_package import ImportRunning, TooMuchGone
from directory.importing.sources import NotToBeShown, OurOwnTerms
from directory.management.verbs import editors, exports, imports, taxonomies, upkeep
from directory.postcodes import UnreadablePostcodes
from directory.taxonomy.parsed_terms import NotATaxonomy
from directory.taxonomy.term_storage import BelongsToAnother
from permissions.management.noun import NounCommand


class Command(NounCommand):
    help = "Import, export and look after the directory, and set which agencies edit it."
    refusals = (
        *(NotReadable, ImportRunning, TooMuchGone, UnreadablePostcodes),
        *(NotATaxonomy, BelongsToAnother, NotToBeShown, OurOwnTerms),
    )

    def add_verbs(self) -> None:
        """Those of each module together."""
        for module in (imports, exports, taxonomies, editors, upkeep):
            module.add_verbs(self)
