"""The steps in the life of an order, one per module. No step calls another; flow.py has their sequence."""
