"""What a release is made with: the image, its list of parts, and where both come from.

It runs from a checkout with the packages of requirements-dev.lock, never on a server, and imports
nothing of the application.
"""
