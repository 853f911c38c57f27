"""The command line, run in this process against real servers, and now and then in a fresh interpreter."""
