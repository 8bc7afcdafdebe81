# Images -> a trained encoder -> the frozen features of every image. Without an encoder, runs learn from the
# prepared data themselves.

ENCODER = PLAN.encoder
LEARNED_FROM = str(PLAN.learned_from)


if ENCODER and ENCODER.images:

    rule pretrain:
        input:
            plan=ancient(PLAN_FILE),
            images=ancient(str(ENCODER.images.prepared)),
        output:
            record=update(str(ENCODER.directory / RECORD)),
            weights=update(str(ENCODER.weights)),
        params:
            dataset=ENCODER.images.name,
            directory=subpath(output.record, parent=True),
        threads: ENCODER.settings.pretraining.threads
        resources:
            gpu=int(ON_GPU),
        log:
            f"logs/pretrain_{ENCODER.directory.name}.log",
        shell:
            "exaggerated-replay pretrain --plan {input.plan} {params.dataset} {input.images} "
            "--out {params.directory} 2>&1 | tee {log}"


if ENCODER:

    rule features:
        input:
            plan=ancient(PLAN_FILE),
            data=ancient(PREPARED),
            encoder=ancient(str(ENCODER.weights)),
        output:
            LEARNED_FROM,
        log:
            f"logs/features_{PLAN.data}.log",
        shell:
            "exaggerated-replay features --plan {input.plan} {input.data} {input.encoder} --out {output} "
            "2>&1 | tee {log}"


rule encoder:
    input:
        str(ENCODER.weights) if ENCODER else [],
