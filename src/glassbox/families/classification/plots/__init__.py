"""Figures for classification tasks of all families."""
