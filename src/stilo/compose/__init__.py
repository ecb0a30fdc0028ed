"""From a style and a request to a new piece."""
