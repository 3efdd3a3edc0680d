"""The toy workflow whose jobs are SLURM's."""

from pathlib import Path

from cluster.slurm import Cluster
from soak.soak import PROJECT
from support.toy_run import Toy

PROFILE = PROJECT / "profiles" / "slurm"
# The profile as it is, but for the patience that a file system on one machine needs not have.
QUICK = ["--latency-wait", "5", "--slurm-init-seconds-before-status-checks", "1"]
QUICK += ["--max-status-checks-per-second", "10", "--local-cores", "2"]


class ClusterToy(Toy):
    """The toy workflow whose jobs are SLURM's."""

    def __init__(self, folder: Path, cluster: Cluster):
        super().__init__(folder)
        self.environment |= {
            "SLURM_CONF": cluster.environment["SLURM_CONF"],
            "PATH": f"{PROFILE / 'without_accounting'}:{self.environment['PATH']}",
        }

    def build_command(self, *arguments, cores=None):
        return super().build_command("--profile", str(PROFILE), *QUICK, *arguments, cores=None)
