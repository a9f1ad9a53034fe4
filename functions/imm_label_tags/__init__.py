"""Video labels from IMM as OSS object tags.

The data flows one way: event, task result, labels, tag plan, object. The package ``events`` and the modules
``task``, ``labels``, ``naming``, ``tag_value``, ``provenance``, ``tag_plan`` and ``tagging`` are pure: they
import no SDK and do no I/O. ``imm``, ``oss``, ``credentials``, ``settings`` and ``log`` are the edges.

Values that a cold start needs are named tuples: making a frozen dataclass takes half a millisecond of CPU
each, when its module is imported, and making a named tuple a sixth of that.
"""
