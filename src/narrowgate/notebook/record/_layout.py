"""What lies where in `runs/<id>/`.

| file | holds |
|---|---|
| `run.json` | id, name, status, reason, times, the writing process, and size and SHA-256 of every sealed file |
| `configuration.toml` | the configuration in full: `narrowgate train runs/<id>/configuration.toml` trains it again |
| `configuration-as-given.toml` | the file as its author wrote it, when there was one |
| `environment.json` | command, versions, device, cores, seeds, fingerprint of the data |
| `curve.json` | a list per quantity, one entry an epoch |
| `metrics.json` | what `narrowgate.trigger` says of the test split, of the cuts and of the curve |
| `weights.safetensors` | name → float32 array |
| `scores.safetensors` | `scores` (float32; exact ones float64), `labels` (uint8) of the test split, (events,) each |
| `plots/*.png` | pictures of the above |
| `notes.txt` | dated notes, only ever added to |
| `checkpoint/` | what training goes on from; gone when the run is finished |
| `run.md` | the page of the run, made from the above |
"""

STATE = "run.json"
CONFIGURATION = "configuration.toml"
GIVEN = "configuration-as-given.toml"
ENVIRONMENT = "environment.json"
CURVE = "curve.json"
METRICS = "metrics.json"
WEIGHTS = "weights.safetensors"
SCORES = "scores.safetensors"
PLOTS = "plots"
NOTES = "notes.txt"
PAGE = "run.md"

SEALED = (CONFIGURATION, GIVEN, ENVIRONMENT, CURVE, METRICS, WEIGHTS, SCORES)
"""Files that never change once the run is over; their sizes and fingerprints are kept in `run.json`."""

NEEDED = (CONFIGURATION, ENVIRONMENT, CURVE, METRICS, WEIGHTS)
"""Files without which no run is finished."""
