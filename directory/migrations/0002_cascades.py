"""What goes with its parent in the database, too."""

from django.db import migrations

from permissions.database.operations import CascadeInDatabase


class Migration(migrations.Migration):
    dependencies = [("directory", "0001_initial")]
    operations = [CascadeInDatabase("confidentialaddress", "location")]
