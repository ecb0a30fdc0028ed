"""Originality: what a piece shares with other pieces, in any key and tempo, beside what human pieces share."""
