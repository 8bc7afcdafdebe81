# Raw files -> one verified npz file -> the class order and tasks of each seed.

DATASET = PLAN.params.dataset
RAW = [DATASET.source] if DATASET.source else [f"data/raw/{DATASET.name}/{name}" for name in DATASET.files]
PREPARED = f"data/prepared/{PLAN.data_name}.npz"
SPLIT = f"data/splits/{PLAN.data_name}-{DATASET.tasks}tasks/seed{{seed}}.json"


if not DATASET.source:

    rule download:
        input:
            plan=ancient(PLAN_FILE),
        output:
            update(RAW),  # what was placed there by hand stays
        params:
            folder=subpath(output[0], parent=True),
        log:
            f"logs/download_{DATASET.name}.log",
        shell:
            "exaggerated-replay fetch --plan {input.plan} {params.folder} 2>&1 | tee {log}"


rule verify:
    input:
        plan=ancient(PLAN_FILE),
        raw=ancient(RAW),
    output:
        PREPARED,
    log:
        f"logs/verify_{PLAN.data_name}.log",
    shell:
        "exaggerated-replay prepare --plan {input.plan} {input.raw} --out {output} 2>&1 | tee {log}"


rule split:
    input:
        ancient(PREPARED),
    output:
        SPLIT,
    params:
        tasks=DATASET.tasks,
    log:
        f"logs/split_{PLAN.data_name}_seed{{seed}}.log",
    shell:
        "exaggerated-replay split {input} --tasks {params.tasks} --seed {wildcards.seed} --out {output} "
        "2>&1 | tee {log}"


rule data:
    input:
        expand(SPLIT, seed=range(PLAN.params.study.seeds)),
