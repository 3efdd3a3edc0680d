"""Generated files: those in the repository are those that the models give."""

import pytest
import yaml

from tgas_neuro.plan.documents import ROOT, build_documents
from tgas_neuro.recordings.readers.options import OPTIONS

DOCUMENTS = build_documents()


@pytest.mark.parametrize("path", list(DOCUMENTS), ids=lambda path: path.name)
def test_the_file_in_the_repository_is_up_to_date(path):
    """If not: python -m tgas_neuro.plan.documents."""
    assert path.read_text(encoding="utf-8") == DOCUMENTS[path]


def test_the_page_describes_every_key_of_the_default_configuration():
    page = DOCUMENTS[ROOT / "docs" / "configuration.md"]
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    for section, keys in config.items():
        for key in keys:
            assert f"| `{section}.{key}` |" in page
    for reader in OPTIONS:
        assert f"## Reader `{reader}`" in page


def test_units_bounds_and_what_decides_numbers_are_on_the_page():
    rows = DOCUMENTS[ROOT / "docs" / "configuration.md"].splitlines()
    beginnings = [
        "| `search.alpha` | number (at least 0) or keys | `1.0` | yes | Weight of the teacher",
        "| `search.generations` | whole number (1 to 1000) | `4` | of final |",
        "| `premature.rungs` | list of number (above 0) | `[]` | of search |",
        "| `final.workers` | whole number (at least 0) | `0` | no |",
        "| `final.checkpoint_minutes` | number (above 0) [min] | `10` | no |",
        "| `recordings.regions.<region>.datasets` | list of text (at least 1) | required | yes |",
        "| `final.data (imagenet).root` | text | required | yes |",
    ]
    for beginning in beginnings:
        assert any(row.startswith(beginning) for row in rows), beginning


def test_an_editor_accepts_the_region_that_null_drops():
    schema = DOCUMENTS[ROOT / "workflow" / "schemas" / "config.schema.json"]
    regions = yaml.safe_load(schema)["$defs"]["Recordings"]["properties"]["regions"]
    assert {"type": "null"} in regions["additionalProperties"]["anyOf"]


def test_the_schema_of_a_description_knows_the_options_of_each_reader():
    schema = yaml.safe_load(DOCUMENTS[ROOT / "workflow" / "schemas" / "neural_data.schema.json"])
    rules = {rule["if"]["properties"]["reader"]["const"]: rule["then"] for rule in schema["allOf"]}
    assert set(rules) == set(OPTIONS) == set(schema["properties"]["reader"]["enum"])
    assert rules["nwb"]["properties"]["options"]["required"] == ["window_ms", "degrees"]
    assert rules["nwb"]["required"] == ["options"]
    assert rules["netcdf"]["required"] == []
