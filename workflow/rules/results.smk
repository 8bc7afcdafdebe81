# From the records of runs to the folder of the study, in one job; and the one model that `focus` names.


rule study:
    input:
        CONTROL.reads("study", FILES.records, FILES.study),
    output:
        update([*map(str, FILES.study)]),
    log:
        "logs/study.log",
    localrule: True
    params:
        plan=CONTROL.plan_file,
    shell:
        "exec exaggerated-replay study --plan {params.plan} &> {log}"


rule metrics:
    input:
        CONTROL.milestone("metrics"),


rule focused:
    input:
        CONTROL.reads("focused", FILES.in_focus, FILES.focus),
    output:
        FILES.focus,
    log:
        "logs/focus.log",
    localrule: True
    params:
        plan=CONTROL.plan_file,
    shell:
        "exec exaggerated-replay focus --plan {params.plan} &> {log}"


rule focus:
    input:
        CONTROL.milestone("focus"),
