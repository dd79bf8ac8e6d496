"""Candidates of model selection: a kind of model with hyperparameters."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Candidate(BaseModel):
    """A kind of model with its hyperparameters, under a unique name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    kind: str
    params: dict[str, Any] = {}
