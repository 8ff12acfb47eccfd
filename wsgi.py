"""Where servers and the flask command find the application."""

from app import create_app

app = create_app()
