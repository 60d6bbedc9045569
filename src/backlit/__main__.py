"""`python -m backlit` is the command line."""

import sys

from backlit.cli import main

sys.exit(main())
