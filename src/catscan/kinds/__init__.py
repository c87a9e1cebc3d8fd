"""The kinds of data: how a picture, a scan, a row of pixels becomes an array.

What differs between kinds stands in one row of `registry`; nothing else names a kind. May import raw and common.
"""
