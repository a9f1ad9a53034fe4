"""``python -m proof.audit``: see ``proof.audit.audit``."""

import importlib
import sys

from proof.audit.audit import ROOT, main

try:
    sys.exit(main(ROOT, importlib.import_module("requirements.environments")))
except KeyboardInterrupt:
    print("\nInterrupted: this is no pass.", file=sys.stderr)
    sys.exit(130)
