"""The networks that can be trained, and their way to Keras."""
