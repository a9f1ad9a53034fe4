"""Video labels from IMM as OSS object tags.

The data flows one way: event, result, tags, object. ``events`` (what arrives), ``results`` (what IMM found)
and ``tags`` (what is written) are pure: they import no SDK and do no I/O. ``services`` is IMM and OSS through
their SDKs, ``tagging`` takes one from event to tags, ``failures`` keeps what exhausted its retries, and
``submission`` has uploads analysed.

Values that a cold start needs are named tuples: making a frozen dataclass takes half a millisecond of CPU
each, when its module is imported, and making a named tuple a sixth of that.
"""
