"""The nets. The only package that imports torch."""
