"""Whether this process can serve, and whether the background work is done (ADR 0095)."""
