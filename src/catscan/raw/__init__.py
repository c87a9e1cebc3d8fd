"""The competition's own files as one tree: plain files and the members of zips, found by patterns, read as tables.

Nothing here knows what a sample is made into. May import common.
"""
