"""What a person does to one order at the store: checked against the order, sent once, and found out if lost.

    act.py        an act, ready to be sent; sending it and finding out what became of it
    fulfilling    (packhouse_cli.fulfilling) which units a parcel has
    refund.py     how much may go back           returns.py   which units may come back, and each step after

Nothing here prints or asks. The commands do, in commands/acting.py.
"""
