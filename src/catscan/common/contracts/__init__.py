"""The files that one stage writes and others read, one module a file, so that a change of one reruns its readers only.

The description of a trained model stands with the networks (`networks/model.py`), the raw folder's with the raw files.
Imports nothing of catscan but `common`.
"""
