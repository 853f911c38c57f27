"""Label providers: the port that each adapter implements, the registry that finds them, one folder for each."""
