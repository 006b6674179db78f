"""Migration operations that Django does not offer."""

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation, OperationCategory
from django.db.migrations.state import ProjectState


class CascadeInDatabase(Operation):
    """Let the database delete rows of `model` together with the row that their foreign key `field`
    refers to.

    Django's `on_delete` applies only to deletes by Django. Purge, erasure and test cleaning delete
    with SQL. An earlier migration must make the foreign key: within one migration Django makes
    foreign keys last.
    """

    category = OperationCategory.ALTERATION

    def __init__(self, model: str, field: str) -> None:
        self.model = model
        self.field = field

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return type(self).__name__, [], {"model": self.model, "field": self.field}

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The models' state does not change."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        self._remake(app_label, schema_editor, to_state, " ON DELETE CASCADE")

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        self._remake(app_label, schema_editor, to_state, "")

    def _remake(
        self, app_label: str, editor: BaseDatabaseSchemaEditor, state: ProjectState, deleting: str
    ) -> None:
        model = state.apps.get_model(app_label, self.model)
        field = model._meta.get_field(self.field)
        table, column = model._meta.db_table, str(field.column)
        parent = field.related_model._meta
        name = self._constraint(editor, table, column)
        editor.execute(
            f"ALTER TABLE {table} DROP CONSTRAINT {name},"
            f" ADD CONSTRAINT {name} FOREIGN KEY ({column})"
            f" REFERENCES {parent.db_table} ({parent.pk.column}){deleting}"
            " DEFERRABLE INITIALLY DEFERRED"
        )

    def _constraint(self, editor: BaseDatabaseSchemaEditor, table: str, column: str) -> str:
        if editor.collect_sql:  # sqlmigrate: the table may not exist yet
            return f"{table}_{column}_fkey"
        with editor.connection.cursor() as cursor:
            found = editor.connection.introspection.get_constraints(cursor, table)
        (name,) = (
            name for name, one in found.items() if one["foreign_key"] and one["columns"] == [column]
        )
        return str(name)

    def describe(self) -> str:
        return f"Delete {self.model} with its {self.field} in the database"
