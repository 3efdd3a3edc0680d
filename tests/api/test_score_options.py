"""Options of `score`, `load_teacher` and `infer` out of their range, and what a score leaves."""

import numpy as np
import pytest
import torch
from support.scored import SIZE, make_folder
from torch import nn

from tgas_neuro.api.recordings import load_recordings
from tgas_neuro.api.score_tables import Scores
from tgas_neuro.api.scores import score
from tgas_neuro.api.teachers import load_teacher
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.scoring.networks import giving_back
from tgas_neuro.teacher.teacher import write_teacher


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("options"))


@pytest.fixture
def folder(made, monkeypatch):
    monkeypatch.chdir(made)
    return made


def load(**options):
    return load_teacher(**({"data": {"V4": "small"}, "splits": 4, "report": len} | options))


@pytest.fixture(scope="module")
def teacher(made):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        return load()


def build():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        inner = nn.Sequential(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5))
        return nn.Sequential(nn.Conv2d(3, 4, 5, 2), nn.BatchNorm2d(4), nn.ReLU(), inner)


@pytest.mark.parametrize(
    "options, said",
    [
        ({"threads": 0}, "threads: 0 is too small; the least allowed is 1"),
        ({"threads": True}, "threads: expected a whole number, got true"),
        ({"batch_size": 0}, "batch_size: 0 is too small; the least allowed is 1"),
        ({"batch_size": -1}, "batch_size: -1 is too small; the least allowed is 1"),
        ({"size": 0}, "size: 0 is too small; the least allowed is 1"),
        ({"size": 10**6}, "size: 1000000 is too large; the most allowed is 2048"),
        ({"size": "24"}, "size: expected a whole number or null, got '24' (text); write 24"),
        ({"seed": -1}, "seed: -1 is too small; the least allowed is 0"),
        ({"seed": 0.5}, "seed: expected a whole number, got 0.5"),
        ({"mean": 0.5}, "mean: expected a list or null, got 0.5"),
        ({"mean": (0.5, 0.5)}, "mean: 2 given, at least 3 expected"),
        ({"mean": (124, 116, 104)}, "mean[0]: 124 is too large; the most allowed is 1"),
        ({"deviation": (0.2, 0, 0.2)}, "deviation[1]: 0 is too small; it must be above 0"),
        ({"deviation": (np.nan, 1, 1)}, "deviation[0]: nan is not a finite number"),
        ({"deviation": (58, 57, 57)}, "deviation[0]: 58 is too large; the most allowed is 1"),
        ({"device": "gpu"}, "device: 'gpu' is not one of: auto, cpu, cuda, cuda:<n>"),
        ({"device": None}, "device: None is not one of: auto, cpu, cuda, cuda:<n>"),
        ({"layers": []}, "layers: 0 given, at least 1 expected"),
        ({"layers": [0]}, "layers[0]: expected text, got 0"),
        ({"name": 3}, "name: expected text or null, got 3"),
        ({"weights": {}}, "weights: a dict; expected a file with a state dict, or load it into"),
        ({"weights": "a.pth", "download": True}, "download: is given beside the weights a.pth; l"),
        ({"teacher": "teacher.nc"}, "teacher: a str; expected what load_teacher returns, as load"),
    ],
)
def test_options_out_of_range_are_one_line(teacher, options, said):
    with pytest.raises(UserError) as raised:
        score(build(), **({"teacher": teacher, "size": SIZE, "report": len} | options))
    assert str(raised.value).startswith(said)


def test_options_of_numpy_and_torch_are_those_of_python(teacher):
    wanted = score(build(), teacher, "2", size=SIZE, mean=(0.5, 0.25, 0.5), report=len).list_rows()
    for mean in (np.array([0.5, 0.25, 0.5]), torch.tensor([0.5, 0.25, 0.5])):
        size = np.int64(SIZE)
        assert (
            score(build(), teacher, ("2",), size=size, mean=mean, report=len).list_rows() == wanted
        )


@pytest.mark.parametrize(
    "options, said",
    [
        ({"data": "small"}, "data: 'small': expected regions with their data sets, as {'V4': 'c"),
        ({"data": {"V4": None}}, "data: recordings.regions.V4.datasets: expected a list, got no"),
        ({"data": None, "source": {}}, "source: a dict; expected a path"),
        ({"splits": 0}, "data: teacher.splits: 0 is too small; the least allowed is 2"),
        ({"degrees": 0}, "data: teacher.stimuli.visual_degrees: 0 is too small; it must be ab"),
        ({"uncorrected": "IT"}, "uncorrected: 'IT' is not one of the regions: V4"),
        ({"by": "object"}, "by: 'object' is not one of: category"),
        ({"seed": -1}, "data: search.seed: -1 is too small; the least allowed is 0"),
        ({"mirror": "nowhere"}, "mirror: nowhere: no such folder; correct its path, or leave it"),
        ({"mirror": 3}, "mirror: a int; expected a path"),
    ],
)
def test_options_of_a_teacher_out_of_range_are_one_line(folder, options, said):
    with pytest.raises(UserError) as raised:
        load(**options)
    assert str(raised.value).startswith(said)


@pytest.mark.parametrize(
    "options, said",
    [
        ({"data": None}, "data: None; expected the name of one data set, or a file"),
        ({"region": []}, "region: []; expected one or several names, or None for all"),
        ({"region": 3}, "region: 3; expected one or several names, or None for all"),
        ({"select": "x"}, "select: 'x'; expected labels to values, as {'animal': ['A']}"),
        ({"mirror": "nowhere"}, "mirror: nowhere: no such folder; correct its path, or leave it"),
        ({"min_site_reliability": 2}, "load_recordings: recordings.min_site_reliability: 2 is too"),
    ],
)
def test_options_of_recordings_out_of_range_are_one_line(folder, options, said):
    with pytest.raises(UserError) as raised:
        load_recordings(**({"data": "small", "report": len} | options))
    assert str(raised.value).startswith(said)


@pytest.mark.parametrize("size", [0, -1, 2.5, "24"])
def test_a_teacher_is_shown_at_whole_sizes(teacher, size):
    with pytest.raises(UserError, match=rf"^size: {size!r}; expected a whole number, 1 to 2,048"):
        teacher.at(size)


def test_a_network_is_given_back_as_it_came(teacher):
    network = build().train()
    network[3][1].eval()  # frozen
    network[3].requires_grad_(False)
    network[0](torch.ones(1, 3, 9, 9)).sum().backward()
    modes = [module.training for module in network.modules()]
    state = {name: value.clone() for name, value in network.state_dict().items()}
    gradient = network[0].weight.grad.clone()
    found = score(network, teacher, "all", size=SIZE, report=len)
    with pytest.raises(UserError, match="refuses images of 2 x 2 px"):
        score(network, teacher, "all", size=2, report=len)
    assert [module.training for module in network.modules()] == modes
    assert not any(module._forward_hooks for module in network.modules())
    for name, value in network.state_dict().items():
        assert torch.equal(value, state[name]), name
    assert torch.equal(network[0].weight.grad, gradient)
    of_evaluation = score(build().eval(), teacher, "all", size=SIZE, report=len)
    assert found.list_rows() == of_evaluation.list_rows()


class Counting(nn.Module):
    """Counts its passes in a buffer, once in place and once as a new tensor."""

    def __init__(self):
        super().__init__()
        self.in_place, self.anew = nn.Buffer(torch.zeros(1)), nn.Buffer(torch.zeros(1))

    def forward(self, x):
        self.in_place += 1
        self.anew = self.anew + 1
        return x


def test_weights_and_buffers_are_where_they_were_with_their_values():
    network = nn.Sequential(nn.Conv2d(3, 4, 5), Counting()).train()
    kept = [*network.parameters(), *network.buffers()]
    places = [one.data_ptr() for one in kept]
    values = [one.detach().clone() for one in kept]
    with pytest.raises(ZeroDivisionError), giving_back(network):
        network.eval().double()(torch.ones(1, 3, 5, 5, dtype=torch.float64))
        assert network[0].weight.dtype == torch.float64
        raise ZeroDivisionError
    assert [id(one) for one in (*network.parameters(), *network.buffers())] == [*map(id, kept)]
    assert [one.data_ptr() for one in kept] == places
    assert all(torch.equal(one, value) for one, value in zip(kept, values, strict=True))
    assert network.training and network[1].training


def test_a_network_without_weights_yet_is_refused(teacher):
    lazy = nn.Sequential(nn.LazyConv2d(4, 5), nn.ReLU())
    for network, name in ((lazy, "LazyConv2d"), (build().to("meta"), "Conv2d")):
        with pytest.raises(
            UserError, match=rf"^model: the {name} '0' has no weights yet; load the"
        ):
            score(network, teacher, size=SIZE, report=len)


def test_types_that_the_caller_has_torch_choose_change_nothing(teacher):
    features = {"a": np.random.default_rng(0).random((64, 9))}

    def score_all():
        joined = Scores.concat(
            score(model, teacher, keep_rdms=True, report=len) for model in (build(), features)
        )
        return joined.infer(teacher, 100).list_best()

    wanted = score_all()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert score_all() == wanted
    network = build()
    torch.set_default_dtype(torch.float64)
    try:
        found = score(network, teacher, report=len)
    finally:
        torch.set_default_dtype(torch.float32)
    assert found.list_rows() == score(network, teacher, report=len).list_rows()


class Spectrum(nn.Module):
    def forward(self, x):
        return torch.fft.fft2(x)


def test_complex_numbers_are_no_features(teacher):
    """Without a word only their real parts would be compared."""
    network = nn.Sequential(nn.Conv2d(3, 4, 5), Spectrum())
    with pytest.raises(UserError, match=r"^layer '1' puts out complex numbers; choose a layer ins"):
        score(network, teacher, "all", size=SIZE, report=len)


def test_a_compiled_network_has_the_numbers_of_the_plain_one(teacher):
    network = build()
    wanted = score(network, teacher, "2", size=SIZE, report=len).list_rows()
    compiled = torch.compile(network, backend="eager")
    assert score(compiled, teacher, "2", size=SIZE, report=len).list_rows() == wanted


def test_scores_of_another_teacher_are_refused(folder, teacher, tmp_path):
    features = {"a": np.random.default_rng(0).random((64, 9))}
    one = score(features, teacher, keep_rdms=True, report=len)
    others = {
        "region": load(data={"IT": "small"}),
        "comparison": load(comparison="pearson"),
        "ceiling": load(splits=5),
        "halves": load(seed=1),
        "regions": load(data={"V4": "small", "IT": "small"}),
    }
    for name, other in others.items():
        two = score(features, other, keep_rdms=True, report=len)
        with pytest.raises(
            UserError, match=r"^infer: the networks were compared with spearman of "
        ):
            one.infer(other, 100)
        with pytest.raises(UserError, match=r"^concat: features was compared with .*; score all n"):
            Scores.concat([one, two])
        assert two.infer(other, 100).inferences, name
    # the same teacher, however it was loaded, at any size and in any field of view
    path = tmp_path / "teacher.nc"
    write_teacher(path, teacher.at(SIZE))
    for same in (load(), load(degrees=4), load_teacher(path, report=len)):
        joined = Scores.concat([Scores({}), one, score(features, same, keep_rdms=True, report=len)])
        assert list(joined.models) == ["features", "features (2)"]
        assert joined.infer(same, 100).best.equals(joined.infer(teacher, 100).best)
    with pytest.raises(
        UserError, match=r"^infer: the networks were .* not with NoneType; give the"
    ):
        one.infer(None)


@pytest.mark.parametrize(
    "options, said",
    [
        ({"n_resamples": "100"}, "n_resamples: expected a whole number, got '100' (text); write"),
        ({"n_resamples": 100.5}, "n_resamples: expected a whole number, got 100.5"),
        ({"n_resamples": 10**9}, "n_resamples: 1000000000 is too large; the most allowed is"),
        ({"seed": -1}, "seed: -1 is too small; the least allowed is 0"),
        ({"over": "neurons"}, "over: 'neurons' is not one of: auto, stimuli, sites, both"),
    ],
)
def test_options_of_intervals_out_of_range_are_one_line(teacher, options, said):
    features = {"a": np.random.default_rng(0).random((64, 9))}
    scores = score(features, teacher, keep_rdms=True, report=len)
    with pytest.raises(UserError) as raised:
        scores.infer(teacher, **options)
    assert str(raised.value).startswith(said)
