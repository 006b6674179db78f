"""Backups of the database: where they are, and the drill that shows that one can be restored."""
