"""Which letters of a study's names the font of figures lacks; matplotlib is loaded only where that may be."""

from exaggerated_replay.planning.study_plan import StudyPlan


def remarks_on_letters(plan: StudyPlan) -> list[str]:
    """Say of each arm which letters of its label figures cannot show: they draw boxes in their place."""
    labels = {arm: look.label for arm, look in plan.arms.items() if not look.label.isascii()}
    if not labels:
        return []
    from matplotlib import rcParams
    from matplotlib.font_manager import findfont, get_font

    from exaggerated_replay.figures.look import house_style

    with house_style():
        known = {letter for family in rcParams["font.family"] for letter in get_font(findfont(family)).get_charmap()}
    lacking = {arm: "".join(sign for sign in label if ord(sign) not in known) for arm, label in labels.items()}
    return [
        f"The font of figures lacks {signs}, in the label of {arm}, and boxes stand there: choose another label, or "
        "name a font that has it as font.family in src/exaggerated_replay/figures/house.mplstyle."
        for arm, signs in lacking.items()
        if signs
    ]
