"""What an identity provider's system has: a token, who it invited, and what it calls people."""

import django.db.models.deletion
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

import permissions.database.uuid7


def _of(model: str, **how: object) -> dict[str, object]:
    return {"on_delete": django.db.models.deletion.CASCADE, "related_name": "+", "to": model} | how


class Migration(migrations.Migration):
    dependencies = [("permissions", "0009_terms")]
    operations = [
        migrations.AddField("client", "token_hash", models.BinaryField(max_length=32, null=True)),
        # Not validated: no system of before has the scope, since none could be given it.
        AddConstraintNotValid(
            "client",
            models.CheckConstraint(
                name="scim_stands_alone",
                condition=models.Q(scopes=["scim"])
                | (~models.Q(scopes__contains=["scim"]) & models.Q(token_hash__isnull=True)),
            ),
        ),
        migrations.AddField("invitation", "invited_by_system_id", models.UUIDField(null=True)),
        migrations.CreateModel(
            name="ScimUser",
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
                ("user_name_hash", models.BinaryField(max_length=32, null=True)),
                ("external_id_hash", models.BinaryField(max_length=32, null=True)),
                ("sealed", models.BinaryField()),
                ("agency", models.ForeignKey(**_of("permissions.agency"))),
                (
                    "invitation",
                    models.OneToOneField(**_of("permissions.invitation", null=True)),
                ),
                ("member", models.OneToOneField(**_of("permissions.membership", null=True))),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        name="scim_user_is_one",
                        condition=models.Q(invitation__isnull=True, member__isnull=False)
                        | models.Q(invitation__isnull=False, member__isnull=True),
                    ),
                    models.UniqueConstraint(
                        fields=["agency", "user_name_hash"], name="scim_user_name_once"
                    ),
                    models.UniqueConstraint(
                        fields=["agency", "external_id_hash"], name="scim_external_id_once"
                    ),
                ],
            },
        ),
    ]
