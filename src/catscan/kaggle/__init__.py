"""Kaggle's interface: the client, and its refusals in plain words.

May import common.
"""
