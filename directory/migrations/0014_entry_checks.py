"""Questions to services whether their entry is right, and the addresses that want none."""

from django.db import migrations, models

import permissions.database.uuid7


class Migration(migrations.Migration):
    dependencies = [("directory", "0013_licensed_terms")]
    operations = [
        migrations.CreateModel(
            name="MailOptOut",
            fields=[
                ("address_hash", models.BinaryField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
            ],
            options={"db_table": "directory_mail_opt_out"},
        ),
        migrations.CreateModel(
            name="Verification",
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
                ("service_id", models.UUIDField(db_index=True)),
                ("token_hash", models.BinaryField(unique=True)),
                ("address_hash", models.BinaryField()),
                ("asked_at", models.DateTimeField(db_index=True)),
                ("expires_at", models.DateTimeField()),
                ("reminded_at", models.DateTimeField(null=True)),
                ("answer", models.TextField(blank=True, default="")),
                ("answered_at", models.DateTimeField(null=True)),
                ("due", models.BooleanField(default=False)),
            ],
            options={
                "db_table": "directory_verification",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("answer", ""), ("answered_at__isnull", True)),
                            models.Q(
                                ("answer__in", ("right", "wrong", "stop", "done")),
                                ("answered_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="verification_answered",
                    )
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("due", True)),
                        fields=["answered_at"],
                        name="verification_due",
                    )
                ],
            },
        ),
    ]
