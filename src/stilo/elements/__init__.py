"""What music is made of: pitch, rhythm, harmony, emotion, measured."""
