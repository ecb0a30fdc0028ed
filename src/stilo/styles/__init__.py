"""What a style is, how it is learned and packed."""
