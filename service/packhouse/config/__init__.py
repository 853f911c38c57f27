"""Loads the settings: defaults < packhouse.toml < environment < secret files; and prints the values in force.

`load` is the only entry. It reports all errors at once and names each setting as the user wrote it.
"""

from packhouse.config.checks import require_for_serving
from packhouse.config.loading import load
from packhouse.config.rendering import effective
from packhouse.config.secrets import secret_values

__all__ = ["effective", "load", "require_for_serving", "secret_values"]
