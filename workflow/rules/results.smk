# From the records of runs to the folder of the study, in one job; and the one model that `focus` names.


rule study:
    input:
        missing(RECORDS),
    output:
        update([shown(file) for file in STUDY_FILES]),
    log:
        "logs/study.log",
    localrule: True
    params:
        plan=PLAN_FILE,
    shell:
        "exec exaggerated-replay study --plan {params.plan} &> {log}"


rule metrics:
    input:
        asked("metrics"),


rule focused:
    input:
        missing([PLAN.cells[PLAN.focus].runs[0].directory / name for name in (RECORD, WEIGHTS)]),
    output:
        FOCUSED,
    log:
        "logs/focus.log",
    localrule: True
    params:
        plan=PLAN_FILE,
    shell:
        "exec exaggerated-replay focus --plan {params.plan} &> {log}"


rule focus:
    input:
        asked("focus"),
