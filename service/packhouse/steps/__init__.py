"""The verbs in the life of an order, one a module. None calls another; flow.py holds their order."""
