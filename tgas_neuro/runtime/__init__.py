"""Tools that every other room uses: errors, files, seeds, processes, devices."""
