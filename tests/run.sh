#!/bin/sh
# Every check. The tests run on the first environment, with coverage; where there is one for the older runtime,
# those of what is deployed run on it too: the functions, their layer, and the process that they run in.
set -eu
cd "$(dirname "$0")/.."
bin=.venv/bin

echo "ruff and mypy"
$bin/ruff check .
$bin/ruff format --check --quiet .
$bin/mypy functions layers localcloud cli deploy proof requirements tests

echo "s.yaml"
PATH=$PWD/.tools/serverless-devs/node_modules/.bin:$PATH $bin/imm-label-tags check-deploy

if ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null &&
    ! command -v google-chrome >/dev/null; then
    echo "no Chromium here: the pages are not tested in a browser (on Debian and Ubuntu: apt-get install chromium)"
fi
# pytest keeps what it made of each test module for the other processes and for the next time.
unset PYTHONDONTWRITEBYTECODE
# Some tests wait for a child, a disk or a clock, so there is one process more than the two cores that are counted
# on. Each has tests that stand together: what they share is set up once.
workers="--numprocesses 3 --dist worksteal"
echo "tests on $($bin/python --version), with coverage"
$bin/python -m pytest --quiet $workers --cov --cov-report=term

# What depends on Python: reading, the SDKs, connections and their errors, imports, and the process that a runtime
# starts. How the local cloud deploys does not.
if [ -d .venv-3.10 ]; then
    echo "tests of what is deployed on $(.venv-3.10/bin/python --version)"
    .venv-3.10/bin/python -m pytest --quiet $workers \
        tests/unit tests/function tests/faults tests/failed tests/hostile \
        tests/layers/test_cold_start.py tests/end_to_end/test_deployed.py \
        tests/localcloud/test_fc_bootstrap.py tests/localcloud/test_fc_runtime.py tests/localcloud/test_fc_instances.py
fi
