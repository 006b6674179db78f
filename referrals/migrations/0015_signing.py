"""What was signed for a release, and the pages that wait for a signature (ADR 0092)."""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("referrals", "0014_survivor_slip")]
    operations = [
        migrations.AddField(
            "release", "artifact_sha256", models.TextField(db_default="", default="")
        ),
        migrations.AddField("release", "signature_id", models.UUIDField(null=True)),
        # Not validated: no release of before has a hash, or one of these forms.
        AddConstraintNotValid(
            "release",
            models.CheckConstraint(
                name="release_artifact_hash",
                condition=models.Q(artifact_sha256="")
                | models.Q(artifact_sha256__regex=r"^[0-9a-f]{64}$"),
            ),
        ),
        AddConstraintNotValid(
            "release",
            models.CheckConstraint(
                name="release_drawn_has_artifact",
                condition=~models.Q(form__in=("screen", "own_phone"))
                | ~models.Q(artifact_sha256=""),
            ),
        ),
        migrations.CreateModel(
            name="Signing",
            fields=[
                (
                    "about_hash",
                    models.BinaryField(max_length=32, primary_key=True, serialize=False),
                ),
                ("signature_id", models.UUIDField(unique=True)),
                ("secret_hash", models.BinaryField(max_length=32, unique=True)),
                ("gone_at", models.DateTimeField()),
                ("sealed", models.BinaryField()),
            ],
            options={
                "db_table": "signing",
                "indexes": [models.Index(fields=["gone_at"], name="signing_gone")],
            },
        ),
    ]
