"""The victim services profile as files: merge patches and merged schemas, and their index.

They are public and the same for every caller, so that a cache may keep them. Otherwise it may keep
only /safety and static files.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from api.http.endpoints import Endpoint
from api.http.json_bodies import Answer
from api.http.middleware import CACHEABLE
from directory.hsds import profile, published_schemas
from openapi.schema import UNSIGNED, problems
from permissions.errors import NotVisible

_HEADERS = {"Cache-Control": CACHEABLE}
_ANSWERS: dict[Any, Any] = {200: OpenApiTypes.OBJECT, **problems(400, 401, 404, 503)}


class DirectoryProfileOut(serializers.Serializer):
    """Addresses by name. A patch applies to the standard's file of that name (RFC 7386)."""

    name = serializers.CharField()
    version = serializers.CharField(help_text="Of the profile.")
    hsds_version = serializers.CharField()
    data_guide = serializers.URLField()
    patches = serializers.DictField(child=serializers.URLField())
    schemas = serializers.DictField(child=serializers.URLField())


def _at(path: str) -> str:
    return f"{settings.BASE_URL.rstrip('/')}{path}"


class ProfileIndex(Endpoint):
    public = True

    @extend_schema(
        operation_id="directory_profile",
        auth=UNSIGNED,
        responses={200: DirectoryProfileOut, **problems(400, 401, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """Read what the victim services profile adds to HSDS: its patches and merged schemas."""
        index = {
            "name": profile.NAME,
            "version": profile.VERSION,
            "hsds_version": profile.HSDS_VERSION,
            "data_guide": _at("/directory/guide"),
            "patches": {
                name: _at(f"/v1/directory/profile/{name}.json")
                for name in published_schemas.PATCHES
            },
            "schemas": {
                name: _at(f"/v1/directory/schema/{name}.json") for name in published_schemas.SCHEMAS
            },
        }
        return Answer(index, headers=_HEADERS)


def _named(names: tuple[str, ...]) -> OpenApiParameter:
    return OpenApiParameter("name", location=OpenApiParameter.PATH, enum=names)


class ProfilePatch(Endpoint):
    public = True

    @extend_schema(
        operation_id="directory_profile_patch",
        auth=UNSIGNED,
        parameters=[_named(published_schemas.PATCHES)],
        responses=_ANSWERS,
    )
    def get(self, request: HttpRequest, name: str) -> Answer:
        """Download our merge patch for the standard's file of this name."""
        return _file(name, published_schemas.PATCHES, _patch)


class MergedSchema(Endpoint):
    public = True

    @extend_schema(
        operation_id="directory_schema",
        auth=UNSIGNED,
        parameters=[_named(published_schemas.SCHEMAS)],
        responses=_ANSWERS,
    )
    def get(self, request: HttpRequest, name: str) -> Answer:
        """Download the JSON Schema (2020-12) of a document of the directory. It needs no other
        file."""
        return _file(name, published_schemas.SCHEMAS, _schema)


def _file(name: str, names: tuple[str, ...], content: Callable[[str], Any]) -> Answer:
    if name not in names:
        raise NotVisible
    return Answer(content(name), headers=_HEADERS)


@lru_cache
def _patch(name: str) -> dict[str, Any]:
    return published_schemas.patches()[name]


@lru_cache
def _schema(name: str) -> dict[str, Any]:
    return published_schemas.schema(name, base=_at("/v1/directory/schema"))
