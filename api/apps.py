from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "api"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in

        from api.accounts import idle_lock
        from api.health import edge_checks  # noqa: F401  (registers them)
        from permissions.audit import actions

        actions.register(acts=("api.authenticate", "desk.open"))
        user_logged_in.connect(idle_lock.begin, dispatch_uid="idle_lock")
