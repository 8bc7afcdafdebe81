"""Command lines and paths that cannot be."""

from tests.bad_input.place import Row, nothing

COMMANDS = {
    "no such command": (("nonsense",), ("nonsense",)),
    "no such option": (("verify", "--nonsense"), ("nonsense",)),
    "an argument too many": (("drift", "x"), ("unexpected extra argument (x)",)),
    "an option without a value": (("study", "--plan"), ("--plan",)),
    "a missing argument": (("explain",), ("Missing argument 'NAME'",)),
    "a missing pack": (("train", "PLAN"), ("Missing argument 'PACK'",)),
    "a missing plan": (("train", "1"), ("--plan",)),
    "no target": (("export",), ("Missing argument 'FILE'",)),
    "a pack that is not planned": (("train", "2", "PLAN"), ("has no pack 2",)),
    "a data set that is not there": (("fetch", "PLAN", "nonsense"), ("nonsense",)),
    "a data set to prepare that is not there": (("prepare", "PLAN", "nonsense"), ("nonsense",)),
    "a cell that is not there": (("compare", "none", "nowhere"), ("nowhere",)),
    "two cells that are not there": (("compare", "a", "b"), ("b is not a cell",)),
    "a study that is not there": (("compare", "--study", "nowhere", "none", "er"), ("nowhere",)),
    "a study that leads out": (("compare", "--study", "../../etc", "none", "er"), ("etc",)),
    "a name that is not there": (("explain", "nowhere"), ("nowhere",)),
    "a number that is none": (("decide", "--seeds-at-most", "x"), ("--seeds-at-most",)),
    "no seeds at all": (("decide", "--seeds-at-most", "0"), ("--seeds-at-most",)),
    "a claim that is not there": (("decide", "nonsense"), ("nonsense",)),
    "a workflow that is not there": (("decide", "--workflow", "nonsense-program"), ("nonsense-program",)),
    "a workflow that fails": (("decide", "--workflow", "false"), ("false",)),
    "a folder that is not a study": (("rebuild", "conf"), ("conf",)),
    "a study to rebuild that is not there": (("rebuild", "results/nowhere"), ("nowhere",)),
    "seeds that are no numbers": (("rebuild", "conf", "--seeds", "x"), ("--seeds",)),
    "records that are not there": (("import", "nowhere.jsonl"), ("nowhere.jsonl",)),
    "records that are something else": (("import", "params.yaml"), ("params.yaml",)),
    "records that are a folder": (("import", "conf"), ("conf",)),
    "a study to export that is not there": (("export", "new.jsonl", "--study", "nowhere"), ("nowhere",)),
    "a folder as a target": (("drift", "--own-files", "conf"), ("conf",)),
    "a device as a target": (("drift", "--own-files", "/dev/full"), ("/dev/full",)),
    "a file as a folder": (("drift", "--own-files", "params.yaml/x"), ("params.yaml",)),
    "a target with an endless name": (("drift", "--own-files", "x" * 300), ("xxx",)),
    "a folder as a packed file": (("export", "conf"), ("conf",)),
    "a device as a packed file": (("export", "/dev/full"), ("/dev/full",)),
    "a plan that is a folder": (("study", "--plan", "conf"), ("conf",)),
    "a plan that is not there": (("study", "--plan", "nowhere.json"), ("nowhere.json",)),
    "a plan that is something else": (("study", "--plan", "params.yaml"), ("params.yaml",)),
    "a plan that is a device": (("study", "--plan", "/dev/null"), ("/dev/null",)),
    "a zero byte in a name": (("drift", "--own-files", "a\0b"), ("zero byte",)),
}


def rows() -> list[Row]:
    """Return all of them."""
    return [Row(what, nothing, command, words) for what, (command, words) in COMMANDS.items()]
