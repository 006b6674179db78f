"""What goes with its parent in the database, too."""

from django.db import migrations

from permissions.database.operations import CascadeInDatabase


class Migration(migrations.Migration):
    dependencies = [("permissions", "0001_initial")]
    operations = [CascadeInDatabase("channel", "membership")]
