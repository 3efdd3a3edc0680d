"""A real SLURM on this machine: munged, slurmctld and two slurmd, started and stopped by hand.

    python tests/cluster/slurm.py start FOLDER     # prints what to export
    python tests/cluster/slurm.py stop FOLDER

Needs root and Debian's packages slurm-wlm and munge (``install.sh``). Everything but the packages
lies in FOLDER: configuration, key, logs, state, sockets. All daemons listen on loopback and are
stopped by the process ids that they were started with.
"""

import argparse
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "setpriv")
NODES = ("n1", "n2")
PATIENCE = 120  # seconds until the cluster must have answered
CONFIGURATION = """\
ClusterName=tgas
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
SlurmUser=root
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmdSpoolDir={folder}/spool-%n
SlurmdLogFile={folder}/slurmd-%n.log
StateSaveLocation={folder}/state
SlurmdTimeout=20
MinJobAge=3600
JobRequeue=0
KillWait=10
SchedulerParameters=sched_interval=2,batch_sched_delay=0,defer_batch
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} "
    "RealMemory=32000 State=UNKNOWN\n"
)


def find_reason_to_skip() -> str | None:
    """Why no SLURM can be started here, or None."""
    if os.geteuid() != 0:
        return "SLURM's daemons are started as root"
    missing = [name for name in PROGRAMS if find_program(name) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (tests/cluster/install.sh)"
    return None


def find_program(name: str) -> str | None:
    """Path of a program; daemons lie where a user's PATH may not look."""
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


class Cluster:
    """Two nodes on one machine.

    Parameters
    ----------
    folder
        Receives all files; short, for the length of a socket's path is limited.
    cpus
        Of each node, whatever the machine has.
    stays
        Whether the daemons outlive the process that started them, however that ends.
    """

    def __init__(self, folder: Path, cpus: int = 4, stays: bool = False):
        self.folder, self.cpus, self.stays = folder.resolve(), cpus, stays
        self.environment = os.environ | {"SLURM_CONF": str(self.folder / "slurm.conf")}
        self.daemons: dict[str, subprocess.Popen] = {}

    def start(self) -> None:
        """Write the configuration, start all daemons, wait until both nodes are idle."""
        for name in ("munge", "state", *(f"spool-{node}" for node in NODES)):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self._write_configuration()
        self._start_munged()
        self.start_controller()
        for node in NODES:
            self.start_node(node)
        self.wait_for_nodes()

    def _write_configuration(self) -> None:
        host = socket.gethostname()
        ports = find_free_ports(1 + len(NODES))
        text = CONFIGURATION.format(folder=self.folder, host=host, controller=ports[0])
        for name, port in zip(NODES, ports[1:], strict=True):
            text += NODE.format(name=name, host=host, port=port, cpus=self.cpus)
        (self.folder / "slurm.conf").write_text(text)

    def _start_munged(self) -> None:
        munge = self.folder / "munge"
        key = munge / "key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        munge.chmod(0o755)
        self._start("munged", "--foreground", "--force", f"--socket={munge}/socket",
                    f"--key-file={key}", f"--log-file={munge}/log",
                    f"--pid-file={munge}/pid", f"--seed-file={munge}/seed")  # fmt: skip
        wait_until(lambda: (munge / "socket").exists(), "munged has no socket")

    def start_controller(self) -> None:
        """Start slurmctld; what it knew before is read from its state."""
        self._start("slurmctld", "-D")
        wait_until(lambda: self.ask("scontrol", "ping").returncode == 0, "slurmctld is silent")

    def start_node(self, node: str) -> None:
        """Start the slurmd of a node."""
        self._start("slurmd", "-D", "-N", node, name=node)

    def _start(self, program: str, *arguments: str, name: str | None = None) -> None:
        with_parent = [] if self.stays else ["setpriv", "--pdeathsig", "TERM"]
        with (self.folder / f"{name or program}.out").open("ab") as output:
            self.daemons[name or program] = subprocess.Popen(
                [*with_parent, find_program(program), *arguments],
                stdout=output,
                stderr=output,
                env=self.environment,
                start_new_session=True,
            )

    def wait_for_nodes(self) -> None:
        """Wait until both nodes take jobs."""

        def is_ready() -> bool:
            states = self.ask("sinfo", "--noheader", "--Node", "--format=%T").stdout.split()
            return len(states) == len(NODES) and set(states) <= {"idle", "mixed", "allocated"}

        wait_until(is_ready, "the nodes are not ready")

    def ask(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command of SLURM."""
        return subprocess.run(command, env=self.environment, capture_output=True, text=True)

    def list_jobs(self, *states: str) -> dict[str, str]:
        """Number to comment (Snakemake's rule and wildcards) of the jobs in these states."""
        found = self.ask("squeue", "--noheader", f"--states={','.join(states)}", "--format=%i|%k")
        return dict(line.split("|", 1) for line in found.stdout.splitlines() if "|" in line)

    def find_node(self, job: str) -> str:
        """Name of the node on which a job runs."""
        return self.ask("squeue", "--noheader", f"--jobs={job}", "--format=%N").stdout.strip()

    def kill_daemon(self, name: str) -> None:
        """SIGKILL to one daemon alone: what it started goes on."""
        self.daemons[name].send_signal(signal.SIGKILL)
        self.daemons[name].wait()

    def stop_controller(self) -> None:
        """End slurmctld as an administrator does: it writes its state, and the jobs go on."""
        self.daemons["slurmctld"].terminate()
        self.daemons["slurmctld"].wait()

    def kill_node(self, node: str) -> None:
        """SIGKILL to a node's slurmd and to all that runs on it, as when its power fails."""
        self.kill_daemon(node)
        for process in self._list_processes(node):
            with contextlib.suppress(psutil.NoSuchProcess):
                for below in [*process.children(recursive=True), process]:
                    kill_process(below)

    def _list_processes(self, node: str) -> list[psutil.Process]:
        """The step daemons of a node's jobs; their jobs are below them."""
        found = []
        for process in psutil.process_iter(["name", "environ"]):
            environment = process.info["environ"] or {}
            ours = environment.get("SLURM_CONF") == self.environment["SLURM_CONF"]
            if (ours and environment.get("SLURMD_NODENAME") == node) or (
                process.info["name"] == "slurmstepd" and self._is_step_of(process, node)
            ):
                found.append(process)
        return found

    def _is_step_of(self, process: psutil.Process, node: str) -> bool:
        try:
            below = process.children(recursive=True)
            return any(child.environ().get("SLURMD_NODENAME") == node for child in below)
        except psutil.Error:
            return False

    def stop(self) -> None:
        """Cancel all jobs, then end the daemons, the last started first."""
        if "slurmctld" in self.daemons and self.daemons["slurmctld"].poll() is None:
            self.ask("scancel", "--user=root")
            wait_until(lambda: not self.list_jobs("running", "completing"), "jobs go on", 30, False)
        for process in reversed(self.daemons.values()):
            process.terminate()
        for process in self.daemons.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def kill_process(process: psutil.Process) -> None:
    """SIGKILL, unless it has ended by itself."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()


def find_free_ports(number: int) -> list[int]:
    """Ports on loopback that nobody listens on."""
    sockets = [socket.socket() for _ in range(number)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_until(
    holds: Callable[[], bool], otherwise: str, patience: float = PATIENCE, strict: bool = True
) -> None:
    """Wait until something holds; after `patience` seconds it is an error, if `strict`."""
    deadline = time.monotonic() + patience
    while not holds():
        if time.monotonic() > deadline:
            if strict:
                raise TimeoutError(f"after {patience:.0f} s: {otherwise}")
            return
        time.sleep(0.2)


def main() -> None:
    """Start a cluster that stays, or stop it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=("start", "stop"))
    parser.add_argument("folder", type=Path)
    chosen = parser.parse_args()
    reason = find_reason_to_skip()
    if reason:
        sys.exit(reason)
    ids = chosen.folder / "processes"
    if chosen.action == "start":
        cluster = Cluster(chosen.folder, stays=True)
        cluster.start()
        ids.write_text("\n".join(str(daemon.pid) for daemon in cluster.daemons.values()))
        print(f"export SLURM_CONF={cluster.environment['SLURM_CONF']}")
        return
    for number in reversed(ids.read_text().split()):
        process = psutil.Process(int(number))
        if process.name() in PROGRAMS:  # not another one of the same number
            process.terminate()
    ids.unlink()


if __name__ == "__main__":
    main()
