"""Every method that there is, found and not listed, and several readings of exaggeration: settings by name."""

import dataclasses

from exaggerated_replay.settings.methods import method_names, settings_of
from exaggerated_replay.settings.reading import ReadingSettings
from exaggerated_replay.settings.run import SISettings

NEEDED = {
    "gate_proportion": 0.5,
    "strength": 0.5,
    "lambda_rr": 0.1,
    "lambda_ra": 0.1,
    "f": 20,
    "units": 5,
    "latent": 2,
    "samples": 3,
}
"""Values of settings that have no default, by their names. A new method may need a new one."""
CHOSEN = {"si": SISettings(strength=0.3), "reading": ReadingSettings(), "memory_per_class": 3}
"""Values in place of defaults."""
READINGS = {
    "running": ReadingSettings(class_means="running", competitors="random", attraction_target="random"),
    "stored": ReadingSettings(class_means="stored", reduction="total", distance="squared", repulsion="inverse_mean"),
    "shuffled": ReadingSettings(class_means="shuffled", competitors="all", attraction="gated", confidence="entropy"),
    "bce": ReadingSettings(distance="bce", repulsion="negative", confidence="label_rival", reduction="sum"),
}


def settings(method):
    kind = settings_of(method)
    fields = {field.name for field in dataclasses.fields(kind)}
    bare = {
        field.name
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    chosen = {name: value for name, value in CHOSEN.items() if name in fields}
    return kind(method=method, **{name: NEEDED[name] for name in bare - {"method", *chosen}}, **chosen)


METHODS = {
    **{name: settings(name) for name in method_names()},
    "bir without si": dataclasses.replace(settings("bir"), si=None, mixture_prior="logsumexp"),
    **{
        f"exaggeration, {name}": dataclasses.replace(settings("exaggeration"), reading=reading)
        for name, reading in READINGS.items()
    },
}
ARMS = [*method_names(), "bir-si"]
"""What the tests that hold for every method are given: names in the fixture `arms`."""

STEPPING = [name for name in ARMS if settings_of(name.removesuffix("-si")).draws_from != "nothing"]
"""Those of them that learn by gradient steps."""
