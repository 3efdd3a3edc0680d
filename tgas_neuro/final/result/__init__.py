"""What the final stage writes: best_cell.json and the model plugin of Brain-Score."""
