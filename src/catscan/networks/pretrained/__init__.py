"""Networks that others trained on millions of photographs, with their weights; what they say of a picture is a feature.

How to add one: its row in `registry.py`, and the package of its weights in `requirements-common.in`.
"""
