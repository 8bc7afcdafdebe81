# Raw files -> one verified npz file -> the class order and tasks of each seed. The study's own images, and those that
# its encoder is trained on, go the same way. A file of the user's own is no input: the plan knows where it lies and
# what must be in it.

# Two sources may be of the same raw files: the study's own, and those that its encoder is trained on.
for source in {tuple(source.raw): source for source in PLAN.sources if not source.settings.own_file}.values():

    rule:
        name:
            f"download_{source.name.replace('-', '_')}"
        output:
            update([str(path) for path in source.raw]),  # what was placed there by hand stays
        log:
            f"logs/download_{source.name}.log",
        localrule: True
        params:
            plan=CONTROL.plan_file,
            dataset=source.name,
        shell:
            "exec exaggerated-replay fetch --plan {params.plan} {params.dataset} &> {log}"


for source in PLAN.sources:

    rule:
        name:
            f"verify_{source.name.replace('-', '_')}"
        input:
            CONTROL.reads("verify", [] if source.settings.own_file else source.raw, [source.prepared]),
        output:
            str(source.prepared),
        log:
            f"logs/verify_{source.name}.log",
        localrule: True
        params:
            plan=CONTROL.plan_file,
            dataset=source.name,
        shell:
            "exec exaggerated-replay prepare --plan {params.plan} {params.dataset} &> {log}"


rule split:
    input:
        CONTROL.reads("split", [PLAN.source.prepared], PLAN.splits),
    output:
        [str(path) for path in PLAN.splits],
    log:
        "logs/split.log",
    localrule: True
    params:
        plan=CONTROL.plan_file,
    shell:
        "exec exaggerated-replay split --plan {params.plan} &> {log}"


rule data:
    input:
        CONTROL.milestone("data"),
