# Raw files -> one verified npz file -> the class order and tasks of each seed. The study's own images, and those
# that its encoder is trained on, go the same way.

DATASET = PLAN.params.dataset
PREPARED = str(PLAN.source.prepared)
SPLIT = f"data/splits/{PLAN.source.name}-{DATASET.tasks}tasks/seed{{seed}}.json"


for source in PLAN.sources:

    if not source.settings.own_file:

        rule:
            name:
                f"download_{source.settings.name}"
            input:
                plan=ancient(PLAN_FILE),
            output:
                update([str(path) for path in source.raw]),  # what was placed there by hand stays
            params:
                dataset=source.name,
                folder=subpath(output[0], parent=True),
                source=f"--source {quote(source.settings.source)}" if source.settings.source else "",
            log:
                f"logs/download_{source.settings.name}.log",
            shell:
                "exaggerated-replay fetch --plan {input.plan} {params.source} {params.dataset} {params.folder} "
                "2>&1 | tee {log}"

    rule:
        name:
            f"verify_{source.settings.name}"
        input:
            plan=ancient(PLAN_FILE),
            raw=ancient([str(path) for path in source.raw]),
        output:
            str(source.prepared),
        params:
            dataset=source.name,
        log:
            f"logs/verify_{source.name}.log",
        shell:
            "exaggerated-replay prepare --plan {input.plan} {params.dataset} {input.raw} --out {output} "
            "2>&1 | tee {log}"


rule split:
    input:
        ancient(PREPARED),
    output:
        SPLIT,
    params:
        tasks=DATASET.tasks,
    log:
        f"logs/split_{PLAN.source.name}_seed{{seed}}.log",
    shell:
        "exaggerated-replay split {input} --tasks {params.tasks} --seed {wildcards.seed} --out {output} "
        "2>&1 | tee {log}"


rule data:
    input:
        [str(source.prepared) for source in PLAN.sources],
        expand(SPLIT, seed=range(PLAN.params.study.seeds)),
