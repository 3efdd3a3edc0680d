#!/usr/bin/env bash
# Installs SLURM and munge for tests/cluster, where root and apt are there; says why where not.
set -euo pipefail
if command -v slurmctld sbatch munged >/dev/null; then
    exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "SLURM is not installed: that takes root and apt; the tests of the cluster will be skipped"
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet=2 || true
apt-get install --quiet=2 --yes --no-install-recommends slurm-wlm munge >/dev/null ||
    echo "SLURM could not be installed; the tests of the cluster will be skipped"
