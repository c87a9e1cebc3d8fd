"""The stages, one module or package each, in the order of `catscan --help`.

A stage reads files, writes files whole, and is one command. It may import kinds, networks, scores, raw, kaggle and
common; never another stage, nor flow: stages meet in files.
"""
