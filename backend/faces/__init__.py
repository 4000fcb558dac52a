"""Looks at frames: finds faces, follows them, judges them."""
