"""Services at their places for a map: a page of the list as GeoJSON (RFC 7946).

A feature is a place with a point that everybody may see. A confidential place has none, so it is no
feature: neither here nor anywhere (R4).
"""

from typing import Any

import orjson
from rest_framework import serializers

from api.http.json_bodies import Answer
from api.v1.directory.answers import envelope
from api.v1.directory.parameters import Parameters
from api.v1.directory.schemas import PageOut
from directory.models import STATUSES
from directory.search.matches import Hit, Matches

GEOJSON = "application/geo+json"


class DirectoryPointOut(serializers.Serializer):
    type = serializers.ChoiceField(["Point"])
    coordinates = serializers.ListField(
        child=serializers.FloatField(),
        min_length=2,
        max_length=2,
        help_text="Longitude, then latitude, in degrees (WGS 84).",
    )


class DirectoryOnMapOut(serializers.Serializer):
    """What to show at a point. Read the rest at the service's own address."""

    service_id = serializers.UUIDField()
    organization_id = serializers.UUIDField()
    location_id = serializers.UUIDField()
    name = serializers.CharField(help_text="The service's.")
    organization_name = serializers.CharField()
    location_name = serializers.CharField(required=False)
    status = serializers.ChoiceField(list(STATUSES))
    distance = serializers.IntegerField(
        required=False, help_text="In meters, if the search has a place."
    )


class DirectoryFeatureOut(serializers.Serializer):
    """One service at one of its places; `id` is the service_at_location's."""

    type = serializers.ChoiceField(["Feature"])
    id = serializers.UUIDField()
    geometry = DirectoryPointOut()
    properties = DirectoryOnMapOut()


class DirectoryMapOut(PageOut):
    """A FeatureCollection, with the members of a page as foreign members (RFC 7946, 6.1)."""

    type = serializers.ChoiceField(["FeatureCollection"])
    features = DirectoryFeatureOut(many=True)


def answer(found: Matches, given: Parameters) -> Answer:
    """Return one page of places as a FeatureCollection."""
    page = envelope(found, [_feature(hit) for hit in found.hits], given)
    features = page.pop("contents")
    collection = {"type": "FeatureCollection", "features": features, **page}
    return Answer(collection, media_type=GEOJSON)


def _feature(hit: Hit) -> dict[str, Any]:
    place = orjson.loads(hit.parts[0])
    service, location = place["service"], place["location"]
    properties = {
        "service_id": service["id"],
        "organization_id": service["organization_id"],
        "location_id": location["id"],
        "name": service["name"],
        "organization_name": service["organization"]["name"],
        "status": service["status"],
    }
    if name := location.get("name"):
        properties["location_name"] = name
    if hit.metres is not None:
        properties["distance"] = round(hit.metres)
    return {
        "type": "Feature",
        "id": place["id"],
        "geometry": {
            "type": "Point",
            "coordinates": [location["longitude"], location["latitude"]],
        },
        "properties": properties,
    }
