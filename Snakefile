# From raw data to the last figure. What to run is in params.yaml; what is where, in docs/explanation/architecture.md.


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/features.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/results.smk"


rule all:
    default_target: True
    input:
        CONTROL.milestone("all"),


onstart:
    STOPPED.listen()
    CONTROL.begin()


onsuccess:
    CONTROL.finish()
