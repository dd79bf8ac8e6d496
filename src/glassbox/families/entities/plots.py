"""Figures for entities: those of `glassbox.families.classification.plots`, with entity types as classes."""
