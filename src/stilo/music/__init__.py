"""What music is: scores, their timeline, and the files they come from and go to."""
