"""How good a model is: predictions, tables, checks, the card."""
