"""`python -m tgas_neuro <command>`, the same as `tgas <command>`."""

import sys

from tgas_neuro.commands.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
