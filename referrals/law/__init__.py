"""What the pages and papers say of the law, in one place for a lawyer to read and sign off.

Each text stands with its source, the day it was checked against it, and whom it is for. The table
of who may share what is permissions/policy/disclosure.py.
"""
