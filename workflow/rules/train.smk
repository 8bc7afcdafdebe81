# One job per pack of runs, which leaves those alone that are finished. What a job trains, its runs then look for: a
# rule's files have its wildcard in their names, and a run has no number of a pack in its own.


rule train:
    input:
        data=CONTROL.made_by("features" if ENCODER else "verify", [PLAN.learned_from]),
        splits=CONTROL.made_by("split", lambda wildcards: {*map(PLAN.split_of, FILES.runs_of(wildcards.pack))}),
    output:
        temp(touch(f"{PACKS}/{{pack}}")),
    log:
        "logs/train_{pack}.log",
    priority: CONTROL.seed_by_seed
    threads: PLAN.compute.threads
    resources:
        gpu=CONTROL.gpus_of_a_job,
    params:
        plan=CONTROL.plan_file,
        records=lambda wildcards: [f"{run.directory}/record.json" for run in FILES.runs_of(wildcards.pack)],
    shell:
        # exec, so that a signal reaches the training and not a shell before it.
        "exec exaggerated-replay train --plan {params.plan} --data {input.data} --log {log} {params.records}"


rule trained:
    input:
        CONTROL.trained_by,
    output:
        record="results/runs/{run}/record.json",
        weights="results/runs/{run}/model.safetensors",
    priority: 1000


rule models:
    input:
        CONTROL.milestone("models"),
