"""Figures of entities: the class figures of `glassbox.families.classification.plots`, with entity types as classes."""
