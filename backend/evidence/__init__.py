"""What was measured beside the verdict: people, signals, quality and provenance."""
