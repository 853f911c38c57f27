"""Bulk work on the store's orders: many orders become a plan; a plan is looked at, and then applied once.

    rows.py      a file becomes rows             apply.py     a plan is carried out by several threads
    action.py    what a kind of act must know    carrying.py  one act: look again, write down, send, find out
    planning.py  rows and orders become a plan   results.py   what became of each act, kept on disk at once
    plan.py      the plan and its file           caller.py    one thread's line to the store, paced

The kinds of act are fulfillments.py, refunds.py and returns.py, listed in actions.py; they check as for
one order (packhouse_cli.acts). relied.py is the state an act relies on, crew.py the threads, progress.py and
showing.py what people see, whole_file.py how a file is written.
"""
