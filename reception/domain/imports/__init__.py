"""Bringing in what other programs have written down. One module per kind; `files.py` reads the tables they all come in.

A kind reads its file into checked rows and named problems (no database), then stores the rows in one transaction under
one act. Where a row comes from is kept in `source_key`, so that the same file twice changes nothing.
"""
