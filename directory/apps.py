"""The app's start: registers its acts for the access log."""

from django.apps import AppConfig


class DirectoryConfig(AppConfig):
    name = "directory"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from permissions.audit import actions

        actions.register(
            acts=(
                *("directory.edit", "directory.read", "directory.history", "directory.reviews"),
                *("address.open", "address.put", "address.remove"),
                *("organization.bind", "organization.unbind"),
            )
        )
