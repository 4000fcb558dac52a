"""The frozen records that travel between the stages, in the order in which they come to be."""
