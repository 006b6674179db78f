"""What tests are written with: helpers, no tests."""
