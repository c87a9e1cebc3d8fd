"""`python -m catscan` is the `catscan` command."""

import sys

from catscan.cli import main

sys.exit(main())
