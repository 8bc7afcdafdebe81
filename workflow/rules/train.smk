# One job per pack of runs. A run that exists is right by construction, because its path ends in the digest of all
# that decides it: so inputs are `ancient`, and outputs are `update`d, never removed.

for pack, runs in PLAN.packs.items():

    rule:
        name:
            f"train_{pack}"
        input:
            plan=ancient(PLAN_FILE),
            data=ancient(LEARNED_FROM),
            splits=ancient(expand(SPLIT, seed=sorted({run.seed for run in runs}))),
        output:
            records=update([str(run.directory / RECORD) for run in runs]),
            weights=update([str(run.directory / WEIGHTS) for run in runs]),
        threads: PLAN.params.compute.threads
        resources:
            gpu=int(ON_GPU),
        log:
            f"logs/train_{pack}.log",
        shell:
            "exaggerated-replay train --plan {input.plan} --data {input.data} --splits {input.splits} --log {log} "
            "{output.records}"


rule models:
    input:
        records=[str(run.directory / RECORD) for run in PLAN.runs],
        weights=[str(run.directory / WEIGHTS) for run in PLAN.runs],
