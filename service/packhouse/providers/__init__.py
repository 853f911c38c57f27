"""Label providers: the port that adapters implement, the registry that finds them, a folder for each."""
