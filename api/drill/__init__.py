"""The smoke test: one referral of the drill from start to end, over HTTP (ADR 0100)."""
