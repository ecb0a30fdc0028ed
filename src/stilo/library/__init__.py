"""Where styles are kept. The only package that imports the database."""
