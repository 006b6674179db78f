"""Fields for PostgreSQL types that Django does not support."""

from django.db import models


class Cube(models.Field):
    """A point on the unit sphere (PostgreSQL's `cube`); distances between points are chords."""

    def db_type(self, connection: object) -> str:
        return "cube"


class Ranges(models.Field):
    """Spans of time (PostgreSQL's `tstzmultirange`)."""

    def db_type(self, connection: object) -> str:
        return "tstzmultirange"
