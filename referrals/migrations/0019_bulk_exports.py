"""Exports of an agency's own referrals, sealed to its key (ADR 0118)."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import permissions.database.uuid7

WITH_EXPORT = """
    ALTER TABLE bulk_export_part ADD CONSTRAINT bulk_export_part_export_id_fkey
        FOREIGN KEY (export_id) REFERENCES bulk_export (id)
        ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
"""
ID = models.UUIDField(
    default=permissions.database.uuid7.uuid7, editable=False, primary_key=True, serialize=False
)


def _of(model: str, *, null: bool = False) -> models.ForeignKey:
    return models.ForeignKey(
        db_index=False,
        null=null,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to=model,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("permissions", "0022_staff_ref"),
        ("referrals", "0018_record_number"),
        migrations.swappable_dependency(settings.OAUTH2_PROVIDER_APPLICATION_MODEL),
    ]
    operations = [
        migrations.CreateModel(
            name="Export",
            fields=[
                ("id", ID.clone()),
                ("public_key", models.JSONField()),
                ("thumbprint", models.TextField()),
                ("credential", models.BinaryField(null=True)),
                ("asked_at", models.DateTimeField()),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("ready_at", models.DateTimeField(null=True)),
                ("ends_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("end_reason", models.TextField(null=True)),
                ("after_at", models.DateTimeField(null=True)),
                ("after_id", models.UUIDField(null=True)),
                (
                    "agency",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="permissions.agency",
                    ),
                ),
                ("asked_by", _of("permissions.membership")),
                ("confirmed_by", _of("permissions.membership", null=True)),
                ("system", _of(settings.OAUTH2_PROVIDER_APPLICATION_MODEL, null=True)),
            ],
            options={
                "db_table": "bulk_export",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("asked_by",),
                        name="one_export_a_lead",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ExportPart",
            fields=[
                ("id", ID.clone()),
                ("number", models.IntegerField()),
                ("referrals", models.IntegerField()),
                ("sealed", models.TextField()),
                (
                    "export",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="referrals.export",
                    ),
                ),
            ],
            options={
                "db_table": "bulk_export_part",
                "constraints": [
                    models.UniqueConstraint(fields=("export", "number"), name="one_part_a_number")
                ],
            },
        ),
        migrations.RunSQL(WITH_EXPORT, migrations.RunSQL.noop),
    ]
