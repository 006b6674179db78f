"""What people and their systems do, as tests need it done: stories, pages, a browser, scenes."""
