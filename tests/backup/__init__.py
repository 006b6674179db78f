"""Backups of the database, and the drill that restores one."""
