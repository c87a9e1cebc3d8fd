"""The ground that all rooms stand on: files, tables, arrays, typed documents, errors, progress.

Nothing here knows a stage, a kind of data or a network. Imports nothing of catscan but its neighbours here.
"""
