"""What the tables of a configuration have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from narrowgate.errors import NarrowgateError


class ConfigurationError(NarrowgateError, ValueError):
    """A configuration that cannot be used; the message says where, what was found and what is allowed."""


class Section(BaseModel):
    """A table of a configuration; keys that it does not know are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
