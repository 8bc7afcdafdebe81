# Read params.yaml and work out the plan. Parsing changes nothing; what else happens is in exaggerated_replay.workflow.

import os
import sys
from pathlib import Path

from snakemake.logging import logger

# The source beside this file is what runs, here and in the jobs, whichever copy of the repository was installed:
# `dvc exp run --temp` and `--queue` work in a copy with the code as it was when the experiment was queued.
SOURCE = Path(workflow.basedir, "src").resolve()
sys.path.insert(0, str(SOURCE))

from exaggerated_replay.cli.output import name_the_user, show_anything
from exaggerated_replay.commands.programs import environment_with
from exaggerated_replay.places import DIGITS
from exaggerated_replay.workflow.control import Control
from exaggerated_replay.workflow.milestones import PACKS
from exaggerated_replay.workflow.screen import Brief, Quiet, screens
from exaggerated_replay.workflow.stopping import Stopped

os.environ.update(environment_with(SOURCE))
show_anything()
name_the_user()

STOPPED = Stopped()
if workflow.is_main_process and not workflow.output_settings.verbose:
    for screen in screens(logger):
        screen.addFilter(Quiet("trained"))
        screen.addFilter(STOPPED)
        screen.setFormatter(Brief(screen.formatter))

CONTROL = Control(workflow, config)
PLAN = CONTROL.plan
FILES = CONTROL.files
ENCODER = PLAN.encoder
