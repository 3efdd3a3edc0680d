"""Files of tests that `make quick` leaves out: each takes more than ten seconds on two cores.

Tests of the folders in FOLDERS run the whole workflow, a SLURM or an installation; they come first,
so that at the end no worker is left alone with one of them.
"""

FOLDERS = ("cluster", "package", "workflow")
FILES = frozenset({
    "api/test_notebooks.py",
    "api/test_recordings.py",
    "api/test_search.py",
    "commands/test_leftovers.py",
    "commands/test_score.py",
    "commands/test_score_inputs.py",
    "experiments/test_neurons.py",
    "final/launch/test_processes.py",
    "final/result/test_export.py",
    "final/training/test_training.py",
    "images/test_data.py",
    "inspection/test_check.py",
    "rdm/streaming/test_streaming.py",
    "recordings/formats/test_hdf5_storage.py",
    "recordings/formats/test_subprocess_probe.py",
    "recordings/readers/arrays/test_large_arrays.py",
    "recordings/readers/nwb/test_binned.py",
    "recordings/readers/nwb/test_documented_forms.py",
    "recordings/readers/nwb/test_index_series.py",
    "recordings/readers/nwb/test_nwb_images.py",
    "recordings/readers/nwb/test_presentations.py",
    "recordings/readers/nwb/test_units.py",
    "recordings/readers/nwb/test_unwritten_nwb.py",
    "recordings/test_fuzz.py",
    "report/test_browser.py",
    "scoring/test_graphs.py",
    "scoring/test_predictivity.py",
    "search/candidate/test_candidate.py",
    "search/candidate/test_child.py",
    "search/candidate/test_evaluation.py",
    "search/candidate/test_stops.py",
    "search/candidate/test_training.py",
    "search/candidate/test_worker.py",
})  # fmt: skip
