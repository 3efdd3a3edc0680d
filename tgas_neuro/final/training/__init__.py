"""Train the final network: epochs, optimizer, checkpoints, log."""
