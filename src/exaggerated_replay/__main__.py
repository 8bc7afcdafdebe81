"""`python -m exaggerated_replay` is the same as the console command."""

import sys

from exaggerated_replay.cli import main

sys.exit(main())
