"""The pages and the checks that keep them true."""
