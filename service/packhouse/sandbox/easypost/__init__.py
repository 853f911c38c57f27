"""The fake EasyPost: its state, its REST API, its JSON, its prices and its label files."""
