"""How what leaves for others is getting on, for the operator: counts, never whose (ADR 0095)."""
