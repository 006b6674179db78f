"""The journal outside of the database, and what is recovered after a restore."""
