"""The engines that people would use instead, each shipping the same orders by the same exchanges.

A program here is started as `python -m tests.bench.engines.NAME SANDBOX_URL CONCURRENCY ADDRESS JOB`. It
prints `ready` when its worker waits for jobs, reads one line of order ids, prints `accepted` when every
order is on disk, and works until it is terminated. JOB is `order` (a job makes all six exchanges, and
after a crash makes all of them again) or `exchange` (a job makes one and puts the next job into the
queue).

The programs run in an environment of their own with the versions of requirements.lock: Packhouse has none
of these packages.
"""
