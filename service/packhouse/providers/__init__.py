"""The adapters that sell labels: the port they keep, the registry that finds them, one folder each."""
