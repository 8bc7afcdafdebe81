# From the records of runs to the folder of the study, in one job; and the one model that `focus` names.


def shown(file):
    """Mark what the report shows, with its caption."""
    path, stem = str(file), file.stem
    match file.parent.name, file.suffix:
        case "tables", ".csv":
            return report(path, caption="../report/table.rst", category="Tables", labels={"table": stem})
        case "provenance", _:
            labels = {"table": f"the runs behind {stem}"}
            return report(path, caption="../report/provenance.rst", category="Tables", labels=labels)
        case "figures", ".png":
            caption = f"../report/{FIGURES[stem][0]}.rst"
            return report(path, caption=caption, category="Figures", labels={"figure": stem.replace("_", " ")})
    return path


rule study:
    input:
        missing(RECORDS),
    output:
        update([shown(file) for file in STUDY_FILES]),
    log:
        "logs/study.log",
    params:
        plan=PLAN_FILE,
    shell:
        "exec exaggerated-replay study --plan {params.plan} &> {log}"


rule metrics:
    input:
        asked("metrics"),


rule focused:
    input:
        missing([PLAN.cells[PLAN.params.focus].runs[0].directory / name for name in (RECORD, WEIGHTS)]),
    output:
        FOCUSED,
    log:
        "logs/focus.log",
    params:
        plan=PLAN_FILE,
    shell:
        "exec exaggerated-replay focus --plan {params.plan} &> {log}"


rule focus:
    input:
        asked("focus"),
