"""The reader of Brain-Score: its own loading, with the registry's entry replaced by local data."""

import http.server
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from tgas_neuro.recordings.datasets.description import load_description
from tgas_neuro.recordings.readers.brainscore import list_identifiers
from tgas_neuro.runtime.errors import UserError

READERS = "tgas_neuro.recordings.readers"

NEURAL_DATA = Path(__file__).parents[4] / "neural_data"
PUBLIC = "MajajHong2015.public"

bs = pytest.importorskip("brainscore_vision", reason="needs the extra brainscore")


pytestmark = pytest.mark.usefixtures("brainscore")


def calc_means(assembly) -> dict:
    """Mean over repetitions of each (stimulus, site)."""
    stimuli, sites = assembly["stimulus_id"].values, assembly["neuroid_id"].values
    values = assembly.transpose("presentation", "neuroid").values
    return {
        (str(stimulus), str(site)): float(values[stimuli == stimulus, column].mean())
        for stimulus in np.unique(stimuli)
        for column, site in enumerate(sites)
    }


def test_averages_are_those_of_brain_score(local, brainscore):
    from brainscore_vision.benchmark_helpers.neural_common import average_repetition

    assembly, stimuli, folder = local.ingest("brainscore", {})
    theirs = average_repetition(brainscore.load_dataset(PUBLIC).squeeze("time_bin"))
    assert calc_means(assembly) == pytest.approx(calc_means(theirs), rel=1e-6)
    np.testing.assert_array_equal(assembly.values, local.assembly.values)
    assert list(assembly["repetition"].values) == list(local.assembly["repetition"].values)
    assert list(assembly["region"].values) == ["V4", "V4", "IT", "IT"]
    assert list(assembly["animal"].values) == ["A", "B", "A", "B"]
    assert list(assembly.attrs["time_window_ms"]) == [70, 170]
    assert assembly.attrs["brainscore_identifier"] == PUBLIC
    assert list(stimuli["degrees"]) == [8] * 5
    assert list(stimuli["variation"]) == list(local.table["variation"])
    found = {path.name: path.read_bytes() for path in (folder / "stimuli").iterdir()}
    assert found == local.images


def test_regions_are_those_of_the_official_benchmark(local):
    from brainscore_vision.benchmarks.majajhong2015.benchmark import load_assembly

    assembly, *_ = local.ingest("brainscore", {})
    for region in ("V4", "IT"):
        theirs = load_assembly(average_repetitions=True, region=region, access="public")
        ours = assembly[:, assembly["region"].values == region]
        assert calc_means(ours) == pytest.approx(calc_means(theirs), rel=1e-6)


def test_time_bins_are_averaged_as_brain_score_does(local, brainscore):
    local.bins = np.stack([np.arange(0, 200, 10), np.arange(10, 210, 10)], axis=1)
    local.factors = np.random.default_rng(3).uniform(0, 2, len(local.bins))
    identifier = "MajajHong2015.temporal.public"
    local.options = {"identifier": identifier, "window_ms": [70, 170]}
    assembly, *_ = local.ingest("brainscore", {})
    theirs = brainscore.load_dataset(identifier)
    theirs = theirs.sel(time_bin=[(t, t + 10) for t in range(70, 170, 10)]).mean("time_bin")
    expected = theirs.transpose("presentation", "neuroid").values
    np.testing.assert_allclose(assembly.values, expected, rtol=1e-6)
    assert list(assembly.attrs["time_window_ms"]) == [70, 170]


@pytest.mark.parametrize("dataset", ["majajhong2015_public", "freemanziemba2013_public"])
def test_ready_descriptions(local, dataset):
    description = load_description(dataset, [NEURAL_DATA])
    if dataset.startswith("freeman"):  # 1 ms bins, no animal, sites numbered from 1
        local.bins = np.stack([np.arange(300), np.arange(1, 301)], axis=1)
        local.factors = np.ones(300)
        local.assembly = local.assembly.drop_vars("animal")
        local.assembly["neuroid_id"] = ("neuroid", np.arange(1, 5))
    local.options = description.options
    assembly, stimuli, _ = local.ingest("brainscore", {})
    factor = 150 if dataset.startswith("freeman") else 1
    np.testing.assert_allclose(assembly.values, local.assembly.values * factor, rtol=1e-6)
    assert set(stimuli["degrees"]) == {description.options["degrees"]}


def test_width_from_the_stimulus_set_comes_before_the_default(local):
    local.table["degrees"] = [4, 4, 4, 4, 5]
    _, stimuli, _ = local.ingest("brainscore", {})
    assert list(stimuli["degrees"]) == [4, 4, 4, 4, 5]


def test_another_stimulus_set(local, brainscore, monkeypatch):
    monkeypatch.setitem(brainscore.stimulus_set_registry, "hvm", local.load_stimuli)
    local.options["stimulus_set"] = "hvm"
    loaded = local.load_data()
    local.load_data = lambda: loaded.assign_attrs(stimulus_set=None)
    _, stimuli, _ = local.ingest("brainscore", {})
    assert list(stimuli["stimulus_id"]) == [f"s{k}" for k in range(5)]


def test_handled_old_names_mixed_types_and_further_stimuli(local):
    """image_id; sites named by numbers and text; a stimulus that was not shown."""
    local.assembly = local.assembly[local.assembly["stimulus_id"].values != "s3"]
    local.assembly = local.assembly.rename(stimulus_id="image_id")
    loaded = xr.DataArray(local.load_data())
    loaded = loaded.reset_index(list(loaded.indexes))
    loaded["neuroid_id"] = ("neuroid", np.array([1, "1b", 2, 3.0], dtype=object))
    local.load_data = lambda: loaded
    assembly, stimuli, _ = local.ingest("brainscore", {})
    assert list(assembly["neuroid_id"].values) == ["1", "1b", "2", "3"]
    assert list(stimuli["stimulus_id"]) == ["s0", "s1", "s2", "s4"]
    assert assembly.attrs["stimuli_without_responses"] == 1


def test_memory_holds_one_block_of_a_large_file(local, monkeypatch):
    """Responses stay on disk until their block is read."""
    sizes = []
    convert = np.asarray

    def record(part):
        sizes.append(part.size)
        return convert(part)

    monkeypatch.setattr(f"{READERS}.brainscore._to_numbers", record)
    monkeypatch.setattr(f"{READERS}.convert_source.BLOCK", 5 * 4 * 8)
    assembly, *_ = local.ingest("brainscore", {})
    assert sizes == [20, 20, 8]
    np.testing.assert_array_equal(assembly.values, local.assembly.values)


def test_every_identifier_is_one_that_brain_score_finds(brainscore):
    from brainscore_core.plugin_management.import_plugin import ImportPlugin

    known = list_identifiers(brainscore, "data")
    assert {PUBLIC, "FreemanZiemba2013.public", "MajajHong2015.temporal.public"} <= set(known)
    for identifier in known[::20]:
        assert ImportPlugin("brainscore_vision", "data", identifier).plugin_dirname


def raises(error):
    def load():
        raise error

    return lambda source: setattr(source, "load_data", load)


def gives(content):
    return lambda source: setattr(source, "load_data", lambda: content)


def ask(**options):
    return lambda source: source.options.update(options)


MALFORMED = {
    "unknown identifier": (
        ask(identifier="MajajHong2015.publik"),
        r"mine.yaml: options.identifier: 'MajajHong2015.publik' is not a data set of "
        r"brainscore_vision, did you mean 'MajajHong2015.public'\?; there are \d+"),
    "identifier with a quote": (
        ask(identifier="x'] or ["), r"options.identifier: .* is not a data set of brainscore_vis"),
    "no identifier": (
        lambda s: s.options.clear(), r"mine.yaml: options: missing key 'identifier'|identifier"),
    "unknown stimulus set": (
        ask(stimulus_set="hvm-publik"),
        r"options.stimulus_set: 'hvm-publik' is not a stimulus set .* did you mean 'hvm-public'"),
    "no assembly": (
        gives(pd.DataFrame()), r"mine.yaml: MajajHong2015.public: it is a DataFrame, not an assem"),
    "behaviour": (
        gives(xr.DataArray(np.ones(3), dims="presentation")),
        r"MajajHong2015.public: dims of the responses are \('presentation',\), expected"),
    "no stimulus set": (
        lambda s: gives(s.load_data().assign_attrs(stimulus_set=None, stimulus_set_identifier=""))(
            s),
        r"MajajHong2015.public does not say which stimulus set .* set options.stimulus_set"),
    "stimulus set without paths": (
        lambda s: gives(s.load_data().assign_attrs(stimulus_set=pd.DataFrame({"a": [1]})))(s),
        r"stimulus set of MajajHong2015.public is a DataFrame without paths of images"),
    "wrong window": (
        ask(window_ms=[0, 100]),
        r"mine.yaml: MajajHong2015.public: options.window_ms: \[0, 100\] is not made up of whole "
        r"time bins that follow each other; there are 1: 70-170 ms"),
    "missing responses": (
        lambda s: s.assembly.__setitem__((0, 0), np.nan),
        r"MajajHong2015.public: response of neuroid_id 'a1' .* set options.missing"),
    "credentials that a plugin wants": (
        raises(type("NoCredentialsError", (Exception,), {})("Unable to locate credentials")),
        r"Amazon S3 wants credentials and there are none; set AWS_ACCESS_KEY_ID"),
    "a plugin's package is missing": (
        raises(ModuleNotFoundError("No module named 'mne'")),
        r"its plugin needs a package that is not installed \(No module named 'mne'\)"),
    "anything else": (
        raises(Exception("boom\nbang")), r"Brain-Score could not load it \(Exception: boom bang\)"),
    "stimuli left half unpacked": (
        raises(AssertionError()), r"copy on this computer is damaged \(AssertionError\); delete"),
    "absent site labels": (
        lambda s: setattr(s, "assembly", s.assembly.drop_vars("animal")),
        r"'animal' on 'neuroid' is missing; .* or set options.animal"),
}  # fmt: skip


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed(local, case):
    change, message = MALFORMED[case]
    change(local)
    with pytest.raises(UserError, match=message) as caught:
        local.ingest("brainscore", {})
    assert "\n" not in str(caught.value)


def test_files_are_refused(local):
    with pytest.raises(UserError, match=r"mine.yaml: files: a.nc: reader 'brainscore' fetches by"):
        local.ingest("brainscore", {"a.nc": local.folder / "a.nc"})


def test_without_the_package(local, monkeypatch):
    monkeypatch.setitem(sys.modules, "brainscore_vision", None)
    with pytest.raises(UserError, match=r"needs the package brainscore-vision, .*; install it"):
        local.ingest("brainscore", {})


@pytest.fixture
def s3(monkeypatch):
    """A store on this computer that botocore asks instead of Amazon's; set what it answers."""
    answer = {"status": 403, "body": b""}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(answer["status"])
            self.send_header("Content-Length", str(len(answer["body"])))
            self.end_headers()

        def do_GET(self):
            self.do_HEAD()
            self.wfile.write(answer["body"])

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    yield answer
    server.shutdown()
    server.server_close()
    thread.join()


class TestStore:
    """The real `load_dataset`, which asks a store through boto3."""

    identifier = "Rajalingham2018.public"

    def ingest(self, source):
        source.options = {"identifier": self.identifier}
        return source.ingest("brainscore", {})

    @pytest.mark.parametrize(
        ("status", "message"),
        [
            (403, r"it is private: Amazon S3 refuses it without credentials \(none were found\)"),
            (404, r"no longer where this version of brainscore_vision looks for it"),
            (500, r"Amazon S3 has a fault of its own \(ClientError: .*500.*try again later"),
        ],
    )
    def test_refusals(self, source, s3, status, message):
        s3["status"] = status
        with pytest.raises(UserError, match=rf"'{self.identifier}': .*{message}") as caught:
            self.ingest(source)
        assert "\n" not in str(caught.value)

    def test_credentials_that_do_not_do(self, source, s3, monkeypatch):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
        with pytest.raises(UserError, match=r"it is private: .* \(yours do not do\)"):
            self.ingest(source)

    def test_wrong_bytes(self, source, s3):
        s3.update(status=200, body=b"something else")
        home = source.folder / "home"
        with pytest.raises(UserError, match=rf"damaged \(ValueError: SHA1 .* folder {home}"):
            self.ingest(source)

    def test_no_network(self, source, monkeypatch):
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # nobody listens
        with pytest.raises(UserError, match=r"could not reach its store at Amazon S3"):
            self.ingest(source)
