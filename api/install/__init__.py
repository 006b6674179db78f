"""`manage.py setup`: the settings of a new server, from a few answers."""
