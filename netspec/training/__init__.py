"""Training: the recipe of a spec. What trains it will stand beside; heavy imports live inside functions."""
