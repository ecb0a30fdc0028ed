"""stilo: learn a musical style from your own files, see what it is made of, compose in it."""
