"""What is taken away from a referral, noted for the journal and applied after a restore; and what a
restore has lost (ADR 0097)."""
