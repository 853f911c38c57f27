"""The user's own files: profiles, settings, and ids seen recently."""
