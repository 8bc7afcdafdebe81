"""How a number is said, where several parts say it."""


def duration(seconds: float) -> str:
    """Return a time to wait as one says it: 40 s, 12 min, 3 h 05 min."""
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
