"""The app's start: registers its acts for the access log."""

from django.apps import AppConfig


class DirectoryConfig(AppConfig):
    name = "directory"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from directory.recovery import closing_tables
        from permissions.audit import actions

        closing_tables.register_own()
        actions.register(
            acts=(
                *("directory.edit", "directory.read", "directory.history", "directory.reviews"),
                *("directory.propose", "directory.proposals", "directory.approve"),
                *("directory.reject", "directory.earlier"),
                *("address.open", "address.put", "address.remove"),
                *("training.add", "training.change", "training.delete"),
            ),
            changes=("organization.bind", "organization.unbind"),
        )
