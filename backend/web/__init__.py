"""The only part that speaks HTTP: pages, API, schemas."""
