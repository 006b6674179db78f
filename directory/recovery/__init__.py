"""What is hidden of the directory, noted for the journal and applied after a restore."""
