"""What the contract says besides each operation: made from the code when openapi/v1.yaml is."""
