"""Networks made of TFLearn layers: the tutorial's own, the strong defaults, lists from the config, a user's own file.

How to add one: a function of TFLearn layers (pixels and number of classes in, logits out), then its name and recipe in
`registry.py`. Nothing here imports TensorFlow at import time but `compat.py` and the modules that hold the layers.
"""
