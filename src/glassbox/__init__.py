"""Glassbox: a request in; executed notebooks, a model that serves and a report out."""

__version__ = "0.1.0"
