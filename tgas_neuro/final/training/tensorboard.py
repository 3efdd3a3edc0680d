"""The log as TensorBoard shows it, where the package tensorboard is installed."""

import importlib.util
import shutil
from pathlib import Path

from tgas_neuro.final.training.log import LogEntry

# Columns of the log and the curves' names.
CURVES = {
    "train_loss": "loss/train",
    "val_loss": "loss/validation",
    "val_top1": "accuracy/top1",
    "val_top5": "accuracy/top5",
    "learning_rate": "training/learning_rate",
    "images_per_second": "training/images_per_second",
}


class Board:
    """Event files that hold exactly the log: written anew at the start, a point an epoch then on.

    A training that goes on after a break would else leave the points of epochs that it repeats.

    Parameters
    ----------
    folder
        Of the event files; what is in it is removed. None: nothing is written.
    log
        Epochs that are done.
    """

    def __init__(self, folder: Path | None, log: list[LogEntry]):
        self._writer = None
        if folder is None:
            return
        shutil.rmtree(folder, ignore_errors=True)
        if importlib.util.find_spec("tensorboard"):
            from torch.utils.tensorboard import SummaryWriter  # loads for seconds

            self._writer = SummaryWriter(str(folder))
            for entry in log:
                self.add(entry)

    def add(self, entry: LogEntry) -> None:
        """Add an epoch."""
        if self._writer is None:
            return
        for column, curve in CURVES.items():
            value = getattr(entry, column)
            if value is not None:
                self._writer.add_scalar(curve, value, entry.epoch)
        self._writer.flush()

    def close(self) -> None:
        """Close the files."""
        if self._writer is not None:
            self._writer.close()
