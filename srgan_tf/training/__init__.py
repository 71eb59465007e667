"""Training: the two stages, what they show, and the run folder they leave."""
