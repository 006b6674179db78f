"""Signing in by an agency's own OpenID provider: what is asked of the provider, and how what it
says is checked (OpenID Connect Core 1.0; Back-Channel Logout 1.0). No page is made here."""
