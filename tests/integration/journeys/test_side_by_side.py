"""Two studies and a stranger's files in one clone, through Snakemake, DVC and every command that moves runs."""

from tests.integration.outputs import STUDY, study


def test_a_strangers_files_survive_and_two_studies_stand_side_by_side(clone, finished):
    strangers = [
        *["results/mine.txt", "results/runs/mine.txt", "results/focus/mine.txt", "results/timings/mine.txt"],
        *[f"{STUDY}/mine.txt", f"{STUDY}/figures/my_own.png", f"{STUDY}/tables/my_notes.csv", "data/prepared/mine.npz"],
        *["results/another/notes.md", "data/mine.csv", "logs/mine.log", ".training/mine.txt"],
    ]
    for name in strangers:
        (clone.path / name).parent.mkdir(parents=True, exist_ok=True)
        (clone.path / name).write_text("mine")
    first = study(clone)
    clone.compose("study=ablation", "study.seeds=1", "study.grids.ablation=[{arm: [none, er]}]", "focus=er")
    assert "made again" not in clone.snakemake().output  # another focus is no damage
    clone.run("exaggerated-replay", "prune")
    clone.run("exaggerated-replay", "verify")
    clone.run("exaggerated-replay", "export", "records.jsonl")
    clone.run("exaggerated-replay", "import", "records.jsonl")
    assert (clone.path / "results/ablation/tables/ablation.md").is_file()
    for name in strangers:
        assert (clone.path / name).read_text() == "mine"
    clone.compose()
    clone.run("dvc", "repro")
    for name in strangers:
        assert (clone.path / name).read_text() == "mine"
    assert {name: content for name, content in study(clone).items() if name in first} == first
    assert (clone.path / "results/ablation/tables/ablation.md").is_file()
