"""What belongs to the user: profiles, settings, folders, and the ids that were seen lately."""
