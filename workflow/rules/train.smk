# One job per pack of runs, which leaves those alone that are finished. What a job trains, its runs then look for: a
# rule's files have its wildcard in their names, and a run has no number of a pack in its own.


rule train:
    input:
        CONTROL.reads(
            "train",
            lambda wildcards: FILES.read_by(wildcards.pack),
            lambda wildcards: FILES.of_pack(wildcards.pack),
        ),
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
    shell:
        # exec, so that a signal reaches the training and not a shell before it.
        "exec exaggerated-replay train --plan {params.plan} --log {log} {wildcards.pack}"


rule trained:
    input:
        CONTROL.reads(
            "trained",
            lambda wildcards: [FILES.mark_of(wildcards.run)],
            lambda wildcards: FILES.of_run(wildcards.run),
        ),
    output:
        record="results/runs/{run}/record.json",
        weights="results/runs/{run}/model.safetensors",
    priority: 1000


rule models:
    input:
        CONTROL.milestone("models"),
