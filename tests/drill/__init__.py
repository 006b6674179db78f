"""The drill: agencies that are no one's, and what runs on them."""
