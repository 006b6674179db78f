"""`make mutate`: one rule of who may see or do what is weakened at a time; a test must turn red.

Mutants of SQL are applied to one live test database, those of Python to the live functions. What
survives is either a missing test or says the same as another rule: then it stands, with its reason,
in tests/mutate/equivalent.py.
"""
