"""Exercises: people of the network practice with each other, apart from all that is live (ADR
0091)."""
