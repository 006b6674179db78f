"""Types of PostgreSQL that Django has no field for."""

from django.db import models


class Cube(models.Field):
    """A point on the unit sphere (PostgreSQL's `cube`): its distances are chords."""

    def db_type(self, connection: object) -> str:
        return "cube"


class Ranges(models.Field):
    """Spans of time (PostgreSQL's `tstzmultirange`)."""

    def db_type(self, connection: object) -> str:
        return "tstzmultirange"
