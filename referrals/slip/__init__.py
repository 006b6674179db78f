"""The survivor's own way to end or narrow their permission: a slip with a code, and a word of
theirs (ADR 0093)."""
