"""What of a run can be killed: the workflow, a job, a candidate's process, the worker."""

import signal
import time
from collections import Counter

import numpy as np
import psutil

TARGETS = ("workflow", "job", "child", "worker")
ENDING = ("workflow", "job")  # the run ends after such a kill, and is to be started again
MOST_LOST = 2  # processes of a candidate; after three it is recorded as crashed


def list_targets(workflow: psutil.Process) -> dict[str, list[psutil.Process]]:
    """The live processes of a workflow by what they are."""
    worker, *warm = list_workers(workflow.pid) or [None]
    found = {"workflow": [workflow], "job": [], "child": warm, "worker": [worker] if worker else []}
    for process in workflow.children(recursive=True):
        try:
            command = process.cmdline()
            parent = process.parent()
            if parent is not None and parent.cmdline() == command and ".snakemake" in str(command):
                found["child"].append(process)  # forked from its job, so that it is called alike
            elif any("scripts" in part or part.endswith(".py") for part in command):
                found["job"].append(process)
        except psutil.Error:
            continue  # it has just ended
    return found


def list_workers(workflow: int) -> list[psutil.Process]:
    """The worker of a workflow, which has loaded torch, and its children: first the worker."""
    found = [
        process
        for process in psutil.process_iter(["cmdline", "ppid"])
        if any("candidate.worker" in part for part in process.info["cmdline"] or [])
        and str(workflow) in process.info["cmdline"]
    ]
    pids = {process.pid for process in found}
    return sorted(found, key=lambda process: process.info["ppid"] in pids)


def list_below(workflow: psutil.Process) -> list[psutil.Process]:
    """All processes that a workflow has started; none of one that has ended."""
    try:
        return [*workflow.children(recursive=True), *list_workers(workflow.pid)]
    except psutil.Error:
        return []


def list_survivors(processes: list[psutil.Process], patience: float = 30) -> list[psutil.Process]:
    """Those that are still alive after so many seconds."""
    _, alive = psutil.wait_procs(processes, timeout=patience)
    return [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


class Killer:
    """Sends the SIGKILLs of one start of a workflow.

    A candidate ends as crashed when three of its processes are killed, which would be another
    result. A job whose processes may have lost two is therefore spared.
    """

    def __init__(self, workflow: psutil.Process, rng: np.random.Generator):
        self.workflow, self._rng = workflow, rng
        self._lost: Counter[int] = Counter()  # of each job

    def kill(self, target: str) -> bool:
        """Kill a process of this kind as soon as there is one; False if the run ended before."""
        while self.workflow.is_running() and self.workflow.status() != psutil.STATUS_ZOMBIE:
            try:
                found = list_targets(self.workflow)
                if found[target] and self._may_lose(target, found["job"]):
                    one = found[target][int(self._rng.integers(len(found[target])))]
                    one.send_signal(signal.SIGKILL)
                    return True
            except psutil.Error:
                continue
            time.sleep(0.02)
        return False

    def _may_lose(self, target: str, jobs: list[psutil.Process]) -> bool:
        """Count what each job may lose by the kill of a candidate's process or of the worker."""
        if target in ENDING:
            return True
        pids = [job.pid for job in jobs]
        if any(self._lost[pid] >= MOST_LOST for pid in pids):
            return False
        self._lost.update(pids)
        return True
