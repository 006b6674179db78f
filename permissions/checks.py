"""Deploy mistakes, as Django system checks with ids. `manage.py check --database default` runs all."""
