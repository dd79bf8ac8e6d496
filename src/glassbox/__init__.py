"""Glassbox: from a request file through a pipeline of notebooks to a served model and an HTML report."""

__version__ = "0.1.0"
