"""Which sizes of the input a network takes: the algebra, and the search over it."""
