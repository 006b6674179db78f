"""The same answers as users of other frameworks write them, over the same rows: FastAPI with
SQLAlchemy, django-ninja, and Django REST framework's ModelSerializer.

They run in an environment of their own (var/peers, from requirements.lock), which is no part of
Cairn's, and import `bench`, since `tests` needs pytest. They connect as the superuser, as bare
does, and write the same events and access entries.
"""
