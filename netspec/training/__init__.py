"""Training by the recipe of a spec. Heavy imports are inside functions."""
