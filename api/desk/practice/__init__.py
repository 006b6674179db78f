"""Practice at the desk (ADR 0091)."""
