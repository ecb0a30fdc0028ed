"""The note model: it reads music note by note and writes the next one, field by field."""
