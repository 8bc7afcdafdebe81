# One job per pack of runs. A run that is there and right is left alone: outputs are `update`d, never removed.

for pack, runs in PLAN.packs.items():

    rule:
        name:
            f"train_{pack}"
        input:
            missing([LEARNED_FROM, *{PLAN.split_of(run) for run in runs}]),
        output:
            records=update([str(run.directory / RECORD) for run in runs]),
            weights=update([str(run.directory / WEIGHTS) for run in runs]),
        log:
            f"logs/train_{pack}.log",
        priority: PLAN.seeds_after(runs)
        threads: PLAN.compute.threads
        resources:
            gpu=int(ON_GPU),
        params:
            plan=PLAN_FILE,
            data=LEARNED_FROM,
        shell:
            # exec, so that a signal reaches the training and not a shell before it.
            "exec exaggerated-replay train --plan {params.plan} --data {params.data} --log {log} {output.records}"


rule models:
    input:
        asked("models"),
