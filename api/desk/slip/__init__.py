"""A survivor's slip: given by a worker at the desk, and used at a page of its own (ADR 0093)."""
