"""Django's PostgreSQL, with one round trip fewer a transaction: base.py."""
