"""Commands: `python -m tgas_neuro <command>`, one thin file each."""
