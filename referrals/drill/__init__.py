"""The drill's referral: no one's, made and opened by the real rules and keys (ADR 0100)."""
