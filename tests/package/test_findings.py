"""Each script of findings/ has a row in its table and in docs/surprises.md, with its versions."""

import re

from soak.soak import PROJECT

SCRIPTS = {path.name for path in (PROJECT / "findings").glob("*.sh")}
WORDS = (PROJECT / "docs/surprises.md").read_text()
TABLE = (PROJECT / "findings/README.md").read_text()


def test_tables_list_every_script_once():
    assert sorted(re.findall(r"\(\.\./findings/(\w+\.sh)\)", WORDS)) == sorted(SCRIPTS)
    assert re.findall(r"^\| \[(\w+\.sh)\]\(\1\)", TABLE, re.MULTILINE) == sorted(SCRIPTS)


def test_versions_of_the_tables_are_installed_by_the_scripts():
    rows = re.findall(
        r"^\| (.*) \| .* \| .* \| \[script\]\(\.\./findings/(.*)\) \|$", WORDS, re.MULTILINE
    )
    assert len(rows) == len(SCRIPTS)
    for behaviour, name in rows:
        script = (PROJECT / "findings" / name).read_text()
        versions = re.findall(r"\d+\.\d+\.\d+", behaviour)
        assert versions, behaviour
        assert [one for one in versions if one not in script] == [], name
