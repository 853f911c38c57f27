"""One noun a module, as in the command line."""
