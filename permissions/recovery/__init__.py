"""What makes a restored database true again: the journal of what was taken away (ADR 0096)."""
