"""Which family of browser and system a member signed in with, sealed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("permissions", "0011_cards")]
    operations = [migrations.AddField("credential", "device", models.BinaryField(null=True))]
