"""Looking inside a network: the values that it computes, their gradients, and whether the gradients are right."""
