"""Trackside's own API, `/api/trackside/v1/…`: what the UI uses. Its bodies are in `shapes`."""
