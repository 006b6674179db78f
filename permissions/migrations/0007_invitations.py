"""Invitations, the messages that carry secrets, and registered numbers."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.apps import apps as live_apps
from django.db import migrations, models

import permissions.database.uuid7


def remember_members(apps, editor):
    """Which agencies had a member is known outside the database: permissions/apps.py.

    Row-level security is forced, so the owner sees no member without a policy of its own.
    """
    editor.execute("CREATE POLICY remember ON permissions_membership TO owner USING (true)")
    members = apps.get_model("permissions", "Membership").objects.using(editor.connection.alias)
    agencies = set(members.values_list("agency_id", flat=True))
    editor.execute("DROP POLICY remember ON permissions_membership")
    live_apps.get_app_config("permissions").remember_members(agencies)


class Migration(migrations.Migration):
    dependencies = [
        ("permissions", "0006_bound_access"),
    ]

    operations = [
        migrations.CreateModel(
            name="RegisteredNumber",
            fields=[
                (
                    "agency",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="permissions.agency",
                    ),
                ),
                ("number", models.TextField()),
                ("next_number", models.TextField(blank=True)),
                ("version", models.IntegerField(default=1)),
                ("mac", models.BinaryField()),
                (
                    "confirmed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="permissions.membership",
                    ),
                ),
                (
                    "next_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="permissions.membership",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SealedMessage",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=permissions.database.uuid7.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("about_id", models.UUIDField(db_index=True)),
                ("kind", models.TextField()),
                ("sealed", models.BinaryField(null=True)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("tries", models.IntegerField(db_default=0)),
                ("outcome", models.TextField(db_default="waiting")),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("outcome", "waiting")),
                        fields=["due_at"],
                        name="sealed_message_waits",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ("mail", "sms", "voice"))),
                        name="sealed_message_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("outcome__in", ("waiting", "handed_over", "failed"))),
                        name="sealed_message_outcome",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("outcome", "waiting"), ("sealed__isnull", True), _connector="OR"
                        ),
                        name="sealed_message_erased",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Invitation",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=permissions.database.uuid7.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("kind", models.TextField(default="join")),
                ("token_hash", models.BinaryField(max_length=32, unique=True)),
                ("name", models.TextField()),
                (
                    "roles",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), size=None
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("mac", models.BinaryField()),
                ("spoken_hash", models.BinaryField(null=True)),
                ("spoken_ends_at", models.DateTimeField(null=True)),
                (
                    "agency",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="permissions.agency",
                    ),
                ),
                (
                    "invited_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="permissions.membership",
                    ),
                ),
                (
                    "member",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="permissions.membership",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ("join", "reset"))), name="invitation_kind"
                    )
                ],
            },
        ),
        migrations.RunPython(remember_members, migrations.RunPython.noop),
    ]
