"""Every shape of a request body, and every field in it that holds a value."""

from collections.abc import Iterator
from typing import Any

from rest_framework import serializers

import api.urls  # noqa: F401  (all shapes are there)
from api.http.endpoints import NamedTexts, Shape


def shapes(of: type[Shape] = Shape) -> Iterator[type[Shape]]:
    for shape in of.__subclasses__():
        yield shape
        yield from shapes(shape)


def leaves(field: Any, where: str) -> Iterator[tuple[str, serializers.Field]]:
    """What holds values, below shapes, lists and texts by name."""
    if isinstance(field, Shape):
        for name, member in field.fields.items():
            yield from leaves(member, f"{where}.{name}")
    elif type(field) in (serializers.ListSerializer, serializers.ListField, NamedTexts):
        yield from leaves(field.child, f"{where}[]")
    else:
        yield where, field


LEAVES = dict(leaf for shape in shapes() for leaf in leaves(shape(), shape.__qualname__))
