"""What an agency records of its lawyers, as pages."""
