"""Trackside records every training run, shows it live, says why it is slow, and keeps the model."""

__version__ = "0.1.0"
