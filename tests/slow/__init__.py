"""Tests that take long: `make slow`. A short form of each is in `make test`."""
