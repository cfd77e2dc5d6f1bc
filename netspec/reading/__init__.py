"""Files from outside, read within bounds: what they may make this process hold or do is known before they are opened."""
