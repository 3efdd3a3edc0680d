"""Commands as a user types them."""

import subprocess


def run_printed(command, folder, environment, seconds=None):
    """Run a command that must succeed; its standard output and error in one text."""
    found = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
    )
    assert found.returncode == 0, found.stdout[-6000:]
    return found.stdout
