"""The Python client, and the guides that partners follow, against a real server."""
