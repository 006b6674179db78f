"""Django's PostgreSQL backend with one round trip less per transaction: base.py."""
