"""Where announcements go once a shipment is posted: folders, printers, notifiers."""
