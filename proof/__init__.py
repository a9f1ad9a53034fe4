"""Programs that measure: benchmarks, load, fuzzing, races, faults, audit. Most write their page in docs/."""
