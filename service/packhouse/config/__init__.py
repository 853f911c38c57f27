"""Fills the settings: defaults < packhouse.toml < environment < secret files; and shows what came of it.

`load` is the only door. Whatever is wrong is told at once, in the words in which the user wrote it.
"""

from packhouse.config.checks import require_for_serving
from packhouse.config.loading import load
from packhouse.config.rendering import effective
from packhouse.config.secrets import secret_values

__all__ = ["effective", "load", "require_for_serving", "secret_values"]
