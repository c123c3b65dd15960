"""The trainer: a process of its own, `python -m ftkit_local.trainer RUN`, that reads and writes one run folder.

It knows neither ledger nor command; whatever can start a process with that folder at hand can run it.
"""
