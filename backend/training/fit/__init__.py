"""Fitting one network: loop, step, checkpoints, loader, log."""
