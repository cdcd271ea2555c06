"""A study's space in plain values, for tools that know nothing of narrowgate; needs nothing but Python itself."""

from typing import Any

Point = dict[str, Any]
"""A value for every parameter of a space, by the parameter's name."""

DEFAULTS: dict[str, Any] = {"filters": [4, 8], "units": [64], "batch_norm": "off", "dropout": 0.0}


def choices(study: dict[str, Any]) -> dict[str, list[Any]]:
    """The choices of every parameter, from a study's file as TOML reads it."""
    return {name: parameter["choices"] for name, parameter in study["space"].items()}


def settings(study: dict[str, Any], point: Point) -> dict[str, Any]:
    """The dotted keys of a configuration that a point sets, as in `{"precision.conv": "(8,4)"}`."""
    found: dict[str, Any] = {}
    for name, value in point.items():
        sets = study["space"][name]["sets"]
        found |= dict.fromkeys([sets] if isinstance(sets, str) else sets, value)
    return found


def network(study: dict[str, Any], point: Point) -> dict[str, Any]:
    """The network at a point: `filters`, `units`, `batch_norm` (a truth value), `dropout`, `learning_rate`, and
    `precision`, whose formats are [W, I]."""
    fixed = study["fixed"]
    plain = DEFAULTS | {name: value for name, value in fixed["network"].items() if name in DEFAULTS}
    filters = list(plain["filters"])
    precision: dict[str, list[int]] = {}
    for key, value in settings(study, point).items():
        section, name, *entry = key.split(".")
        if section == "precision":
            precision[name] = [int(part) for part in value.strip("()").split(",")]
        elif entry:
            filters[int(entry[0])] = value
        else:
            plain[name] = value
    return plain | {
        "filters": filters,
        "batch_norm": plain["batch_norm"] != "off",
        "precision": {"batchnorm": precision["conv"]} | precision,
        "learning_rate": fixed["training"]["learning_rate"],
    }
