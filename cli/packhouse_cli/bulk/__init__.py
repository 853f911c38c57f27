"""Bulk work on orders at the store: many orders become a plan, a person reads it, then it is applied once.

    rows.py      reads a file into rows          apply.py     applies a plan with several threads
    action.py    what each kind of change checks executor.py  one change: check, record, send, find out
    planner.py   turns rows and orders to a plan results.py   the result of each change, kept on disk at once
    plan.py      the plan and its file           throttled_client.py  one thread's calls to the store, paced

The kinds of change are fulfillments.py, refunds.py and returns.py, listed in actions.py.
"""
