# From the records of runs to tables and figures. These rules take seconds and follow Snakemake's own triggers;
# no rule but `focus` reads a checkpoint.

TABLE = "results/runs.csv"
FIGURES = PLAN.figures


rule evaluate:
    input:
        plan=PLAN_FILE,
        records=[str(run.directory / RECORD) for run in PLAN.runs],
    output:
        TABLE,
    log:
        "logs/evaluate.log",
    shell:
        "exaggerated-replay evaluate --plan {input.plan} --out {output} 2>&1 | tee {log}"


rule collect:
    input:
        plan=PLAN_FILE,
        table=TABLE,
    output:
        metrics="results/metrics.json",
        focus="results/focus.json",
        timings="results/timings.csv",
        plots=[f"results/{plot}" for plot in PLOTS],
    log:
        "logs/collect.log",
    shell:
        "exaggerated-replay collect --plan {input.plan} {input.table} --metrics {output.metrics} "
        "--focus {output.focus} --timings {output.timings} --plots {output.plots} 2>&1 | tee {log}"


rule table:
    input:
        plan=PLAN_FILE,
        table=TABLE,
    output:
        tables=[
            report(
                "results/tables/{grid}.csv",
                caption="../report/table.rst",
                category="Tables",
                labels={"table": "{grid}"},
            ),
            *[f"results/tables/{{grid}}.{kind}" for kind in TABLE_KINDS[1:]],
        ],
        provenance=report(
            "results/provenance/{grid}.csv",
            caption="../report/provenance.rst",
            category="Tables",
            labels={"table": "the runs behind {grid}"},
        ),
    wildcard_constraints:
        grid="|".join(PLAN.grids),
    log:
        "logs/table_{grid}.log",
    shell:
        "exaggerated-replay table --plan {input.plan} {input.table} --grid {wildcards.grid} --out {output.tables} "
        "--provenance {output.provenance} 2>&1 | tee {log}"


for figure, (kind, grid) in FIGURES.items():

    rule:
        name:
            f"figure_{figure}"
        input:
            plan=PLAN_FILE,
            table=TABLE,
        output:
            report(
                f"results/figures/{figure}.png",
                caption=f"../report/{kind}.rst",
                category="Figures",
                labels={"figure": figure.replace("_", " ")},
            ),
            [f"results/figures/{figure}.{image}" for image in IMAGE_KINDS[1:]],
        params:
            kind=kind,
            grid=f"--grid {grid}" if grid else "",
        log:
            f"logs/figure_{figure}.log",
        shell:
            "exaggerated-replay figure --plan {input.plan} {params.kind} {input.table} {params.grid} "
            "--out {output} 2>&1 | tee {log}"


rule metrics:
    input:
        rules.collect.output,
        expand("results/tables/{grid}.{kind}", grid=PLAN.grids, kind=TABLE_KINDS),
        expand("results/provenance/{grid}.csv", grid=PLAN.grids),
        expand("results/figures/{figure}.{kind}", figure=FIGURES, kind=IMAGE_KINDS),


rule focus:
    input:
        plan=PLAN_FILE,
        run=[str(PLAN.cells[PLAN.params.focus].runs[0].directory / name) for name in (RECORD, WEIGHTS)],
    output:
        [f"results/focus/{name}" for name in (RECORD, WEIGHTS)],
    params:
        folder=subpath(output[0], parent=True),
    log:
        "logs/focus.log",
    shell:
        "exaggerated-replay publish --plan {input.plan} {params.folder} 2>&1 | tee {log}"
