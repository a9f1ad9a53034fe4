"""Programs that measure: benchmarks, load, whole buckets, fuzzing, races, faults, audit.

Most write their page in docs/.
"""
