"""One module for each command, as in the package."""
