"""The probe of the directory's second wall, held open for many mutants."""

from tests.mutate.courts import _seen
from tests.mutate.run import Campaign
from tests.mutate.sql import Mutant
from tests.support.proofs.editor_probe import SOURCES, World, probe, relation
from tests.support.proofs.editor_probe import world as world  # a fixture


def test_of_the_directory(campaign: Campaign, world: World) -> None:
    campaign.stay_signed_in()
    tables = {relation(table): table for table in SOURCES}
    recent = ["phone", "attribute", "metadata", *SOURCES]

    def leak(mutant: Mutant) -> str | None:
        for table in [tables[mutant.about]] if mutant.kind == "policy" else recent:
            if found := _seen(probe(world, table)):
                return f"the probe of the directory: {found[:100]}"
        return None

    def concerns(mutant: Mutant) -> bool:
        if mutant.kind == "policy":
            return mutant.about in tables and "editor" in mutant.roles
        asking = campaign.tables_asking.get(mutant.about, [])
        return mutant.kind == "function" and bool(set(asking) & set(tables))

    campaign.judge("test_directory_second_wall", concerns, leak)
