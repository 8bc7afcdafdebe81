# Images -> a trained encoder -> the frozen features of every image. Without an encoder, runs learn from the
# prepared data themselves.

if FILES.encoder:

    rule pretrain:
        input:
            CONTROL.reads("pretrain", [ENCODER.images.prepared], FILES.encoder),
        output:
            record=FILES.encoder[0],
            weights=FILES.encoder[1],
        log:
            f"logs/pretrain_{ENCODER.digest[:DIGITS]}.log",
        threads: ENCODER.settings.pretraining.threads
        resources:
            gpu=CONTROL.gpus_of_a_job,
        params:
            plan=CONTROL.plan_file,
        shell:
            # tee -i, because Ctrl-C reaches it too, and the job still has something to say then.
            "exec exaggerated-replay pretrain --plan {params.plan} &> >(exec tee -i {log})"


if FILES.published_encoder:

    rule download_encoder:
        output:
            update(FILES.published_encoder),  # what was placed there by hand stays
        log:
            "logs/download_encoder.log",
        localrule: True
        params:
            plan=CONTROL.plan_file,
        shell:
            "exec exaggerated-replay fetch-encoder --plan {params.plan} &> {log}"


if ENCODER:

    rule features:
        input:
            CONTROL.reads(
                "features",
                [PLAN.source.prepared, *FILES.encoder, *FILES.published_encoder],
                [PLAN.learned_from],
            ),
        output:
            str(PLAN.learned_from),
        log:
            f"logs/features_{PLAN.data}.log",
        threads: PLAN.compute.threads
        params:
            plan=CONTROL.plan_file,
        shell:
            "exec exaggerated-replay features --plan {params.plan} &> {log}"


rule encoder:
    input:
        CONTROL.milestone("encoder"),
