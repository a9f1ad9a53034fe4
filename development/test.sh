#!/bin/sh
# Every check, in every environment that there is. The first one also measures coverage.
set -eu
cd "$(dirname "$0")/.."
bin=.venv/bin

echo "ruff and mypy"
$bin/ruff check .
$bin/ruff format --check --quiet .
$bin/mypy functions layers localcloud terminal tests

echo "s.yaml"
$bin/imm-label-tags check-deploy

echo "tests on $($bin/python --version), with coverage"
$bin/python -m pytest --quiet --numprocesses 2 --cov --cov-report=term

if [ -d .venv-3.10 ]; then
    echo "tests on $(.venv-3.10/bin/python --version)"
    .venv-3.10/bin/python -m pytest --quiet --numprocesses 2
fi
