"""A small document of `python -m backend evaluate`, as the pages read it."""

SHARES = ("right", "wrong", "silent")


def share(value):
    """A share with its interval."""
    return None if value is None else {"value": value, "low": 0.0, "high": 1.0}


def line(kind, name, right, wrong, split="dev-b", files=42, unjudged=2):
    """A line of people's table."""
    silent = None if right is None else 1 - right - wrong
    rates = zip(SHARES, map(share, (right, wrong, silent)), strict=True)
    return {
        "split": split, "kind": kind, "name": name, "files": files, "unjudged": unjudged,
        "leaning_right": None, **dict(rates),
    }  # fmt: skip


def document(facts):
    """What was measured on the model with these facts."""
    score = {"low": 0.50004, "high": 0.95, "fake": 0.9, "files": 98}
    return {
        "model": dict(facts),
        "people": [
            line("image", "Real pictures", 0.99, 0.01, split="val"),
            line("video", "Real clips", 0.5, 0.25),
            line("image", "Real pictures", 0.625, 0.125),
            line("image", "Generated pictures", None, None, files=2),
        ],
        "bins": {
            "image": [{"low": 0.01, "high": 0.1, "fake": 0.02, "files": 98}, score],
            "video": [{"low": 0.0, "high": 1.0, "fake": 0.5, "files": 10}],
        },
    }
