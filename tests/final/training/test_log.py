import pytest

from tgas_neuro.final.training.log import LogEntry, describe_epoch, describe_seconds, write_log


def test_line_tells_speed_and_time_left():
    log = [LogEntry(1, 0.1, 2.0, 1000, 40.0), LogEntry(2, 0.05, 1.5, 1000, 20.0)]
    line = describe_epoch(log, 6)
    assert line == "final: epoch 2/6  loss 1.500  50 images/s  2 min 00 s left"


@pytest.mark.parametrize(
    "seconds, text", [(0.2, "0 s"), (59.4, "59 s"), (200, "3 min 20 s"), (18120, "5 h 02 min")]
)
def test_durations(seconds, text):
    assert describe_seconds(seconds) == text


def test_file_keeps_every_digit(tmp_path):
    write_log(tmp_path / "log.csv", [LogEntry(1, 0.1, 1 / 3, 5, 0.25)])
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert lines[0] == (
        "epoch,learning_rate,train_loss,images,seconds,val_top1,val_top5,val_loss,val_seconds,"
        "images_per_second"
    )
    values = dict(zip(lines[0].split(","), lines[1].split(","), strict=True))
    assert float(values["train_loss"]) == 1 / 3
    assert values["val_top1"] == ""
    assert float(values["images_per_second"]) == 20
