"""Edits by raw SQL of entries at a confidential place, or at a place of another agency."""

import json

import pytest
from django.db import IntegrityError, connections, transaction

from directory import models as m
from tests.support.ground.database import identify
from tests.support.proofs.editor_probe import (
    OURS,
    REFUSED,
    SOURCE,
    THEIRS,
    World,
    as_editor,
    copied,
    create,
    done,
)
from tests.support.proofs.editor_probe import world as world  # a fixture


def test_anothers_service_at_a_place_of_ours_is_rendered_with_it(world: World) -> None:
    theirs = str(world.ids[THEIRS]["service"])
    what = {"id": theirs, "organization_id": str(world.ids[THEIRS]["organization"])}
    with as_editor(world.people[0]) as cursor:
        assert done(cursor, copied("directory_listing"), json.dumps(what)) == REFUSED
    create(
        "service_at_location",
        world.ids[THEIRS]["organization"],
        {"service_id": theirs, "location_id": world.ids[OURS]["location"]},
    )
    with as_editor(world.people[0]) as cursor:
        assert done(cursor, copied("directory_listing"), json.dumps(what)) == 1


def test_a_confidential_service_hides_a_place_whose_row_is_anothers(world: World) -> None:
    """Row security must not pass it over: the trigger is `definer`'s."""
    place = world.ids[THEIRS]["location"]
    create(
        "service_at_location",
        world.ids[OURS]["organization"],
        {"service_id": world.ids[OURS]["service"], "location_id": place},
    )
    with transaction.atomic(using="editor"), connections["editor"].cursor() as cursor:
        identify(cursor, world.people[0].caller)
        cursor.execute(
            "UPDATE directory_service SET confidential = true WHERE id = %s",
            [str(world.ids[OURS]["service"])],
        )
    assert m.Location.objects.using("jobs").get(id=place).confidential
    assert not m.Address.objects.using("jobs").filter(location_id=place).exists()


def test_a_place_where_something_confidential_is_found_stays_confidential(world: World) -> None:
    place, service = world.ids[OURS]["location"], world.ids[OURS]["service"]
    ours = m.Service.objects.using("jobs").filter(id=service)
    ours.update(confidential=True)
    shown = m.Location.objects.using("jobs").filter(id=place)
    assert shown.get().confidential
    with pytest.raises(IntegrityError, match="confidential is found"):
        shown.update(confidential=False)
    with transaction.atomic(using="jobs"):  # in either order
        shown.update(confidential=False)
        ours.update(confidential=False)
    assert not shown.get().confidential


def test_a_new_place_of_a_confidential_organization_is_confidential(world: World) -> None:
    organization = m.Organization(name="Hidden", confidential=True, source=SOURCE)
    organization.save(using="jobs", force_insert=True)
    values = {"name": "new", "organization_id": organization.id, "latitude": 46.8}
    place = m.Location.objects.using("jobs").get(id=create("location", organization.id, values))
    assert (place.confidential, place.latitude) == (True, None)
