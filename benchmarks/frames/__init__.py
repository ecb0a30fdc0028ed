"""Frames of a piano roll: the four official sets, what a piece recalls of itself, the net, its training."""
