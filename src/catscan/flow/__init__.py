"""What the Snakefile, the command line and `doctor` call: the configuration, its stage strings, the words at the end.

No stage imports it. May import everything.
"""
