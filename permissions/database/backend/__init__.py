"""Django's PostgreSQL backend with two promises more: base.py."""
