"""All commands: a module or a folder for each, with its options, its help and the function that runs it."""
