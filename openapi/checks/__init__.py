"""What judges the contract from outside: two linters, and clients that are generated from it."""
