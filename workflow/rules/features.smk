# Images -> a trained encoder -> the frozen features of every image. Without an encoder, runs learn from the
# prepared data themselves.

LEARNED_FROM = str(PLAN.learned_from)


if TRAINED_ENCODER:

    rule pretrain:
        input:
            missing([ENCODER.images.prepared]),
        output:
            record=update(TRAINED_ENCODER[0]),
            weights=update(TRAINED_ENCODER[1]),
        log:
            f"logs/pretrain_{ENCODER.digest[:DIGITS]}.log",
        threads: ENCODER.settings.pretraining.threads
        resources:
            gpu=int(ON_GPU),
        params:
            plan=PLAN_FILE,
            dataset=ENCODER.images.name,
            images=str(ENCODER.images.prepared),
            directory=subpath(output.record, parent=True),
        shell:
            # tee -i, because Ctrl-C reaches it too, and the job still has something to say then.
            "exec exaggerated-replay pretrain --plan {params.plan} {params.dataset} {params.images} "
            "--out {params.directory} &> >(exec tee -i {log})"


if PUBLISHED_ENCODER:

    rule download_encoder:
        output:
            update(PUBLISHED_ENCODER),  # what was placed there by hand stays
        log:
            "logs/download_encoder.log",
        localrule: True
        params:
            plan=PLAN_FILE,
        shell:
            "exec exaggerated-replay fetch-encoder --plan {params.plan} &> {log}"


if ENCODER:

    rule features:
        input:
            missing([PLAN.source.prepared, *TRAINED_ENCODER, *PUBLISHED_ENCODER]),
        output:
            LEARNED_FROM,
        log:
            f"logs/features_{PLAN.data}.log",
        threads: PLAN.compute.threads
        params:
            plan=PLAN_FILE,
            data=str(PLAN.source.prepared),
        shell:
            "exec exaggerated-replay features --plan {params.plan} {params.data} --out {output} &> {log}"


rule encoder:
    input:
        asked("encoder"),
