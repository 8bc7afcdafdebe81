# From the records of runs to the folder of the study, in one job.


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
