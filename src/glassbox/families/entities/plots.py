"""The figures of spans: those of every family of classes, where types stand in the place of classes."""
