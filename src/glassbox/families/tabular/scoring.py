"""How well a batch of rows was predicted, and what later rows are compared with."""
