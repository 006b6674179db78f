"""An agency's card, and the notices that are sent by it."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import permissions.database.uuid7


class Migration(migrations.Migration):
    dependencies = [
        ("permissions", "0010_scim"),
    ]

    operations = [
        migrations.CreateModel(
            name="Card",
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
                ("active", models.BooleanField()),
                ("code_hash", models.BinaryField(max_length=32, unique=True)),
                ("sealed_code", models.BinaryField()),
                ("version", models.IntegerField(default=1)),
                ("mac", models.BinaryField()),
                (
                    "client",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="card",
                        to=settings.OAUTH2_PROVIDER_APPLICATION_MODEL,
                    ),
                ),
                (
                    "lead",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="permissions.membership",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="CardNotice",
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
                ("secret_hash", models.BinaryField(max_length=32, unique=True)),
                ("call_hash", models.BinaryField(max_length=32, unique=True)),
                ("waits", models.BooleanField()),
                ("gone_at", models.DateTimeField()),
                ("sealed", models.BinaryField()),
                (
                    "agency",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="permissions.agency",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["gone_at"], name="card_notice_gone")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("waits", True)),
                        fields=("agency",),
                        name="one_card_notice_waits",
                    )
                ],
            },
        ),
        migrations.AddField("sealedmessage", "call_sid", models.TextField(null=True)),
    ]
