"""Bulk work on the store's orders: many orders become a plan; a plan is looked at, and then applied once.

    rows.py      a file becomes rows             apply.py     a plan is carried out by several threads
    action.py    what an act in bulk knows       carrying.py  one act: look again, write down, send, find out
    planning.py  rows and orders become a plan   results.py   what became of each act, kept on disk at once
    plan.py      the plan and its file           caller.py    one thread's line to the store, paced

relied.py is the state an act relies on; crew.py the threads; progress.py and showing.py are what people see.
"""
