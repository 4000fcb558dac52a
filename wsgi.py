"""The WSGI entry point: `app` for gunicorn with threads; `python -m backend serve` sets that up."""

from backend import create_app

app = create_app()
