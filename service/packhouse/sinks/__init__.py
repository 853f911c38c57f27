"""Sinks: folders, printers and notifiers that receive each posted shipment."""
