"""Programs that the judges of crashes start, kill and start again: `python -m tests.programs.submit ROWS [WRONG]`.

Each does one thing that a user's program does, and can be told to do it wrong in one way of `wrong.py`: the judge that
finds nothing must find that.
"""
