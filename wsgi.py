"""The WSGI entry point: `app` for any production server."""

from backend import create_app

app = create_app()
