"""What is held over all of it at once: markers, matrices, models, fuzz, two worlds."""
