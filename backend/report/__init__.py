"""A report made readable: its words, the numbers behind the model, the CSV and the PDF."""
