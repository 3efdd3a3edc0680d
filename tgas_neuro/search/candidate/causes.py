"""What an error of a candidate's process says: of the machine, of its memory, or of the network."""

import errno

MEMORY_MESSAGES = ("out of memory", "can't allocate memory", "not enough memory", "_alloc_failed")
# of a GPU that is lost
MACHINES_MESSAGES = ("ecc error", "gpu is lost", "hardware stack error", "busy or unavailable")


def is_machines(error: Exception) -> bool:
    """Whether a disk, a library or a GPU was lost; no network raises such an error."""
    if isinstance(error, RuntimeError):
        return any(part in str(error).lower() for part in MACHINES_MESSAGES)
    return isinstance(error, OSError | ImportError) and (
        getattr(error, "errno", None) != errno.ENOMEM
    )


def is_out_of_memory(error: Exception) -> bool:
    """Whether torch or Python ran out of memory: torch's CPU allocator raises a RuntimeError."""
    text = str(error).lower()
    return (
        isinstance(error, MemoryError)
        or getattr(error, "errno", None) == errno.ENOMEM
        or (isinstance(error, RuntimeError) and any(part in text for part in MEMORY_MESSAGES))
    )
