# The way of the data: recordings -> teacher -> search -> final. Each stage has its rules in
# workflow/rules/ and its package in tgas_neuro/; the science of a run stands in config.yaml.
import os
import sys
from pathlib import Path

from snakemake.utils import min_version

# The package that the rules call. It may be of another version where this file was fetched alone.
VERSION = "0.2.0"
try:
    from tgas_neuro import __version__ as installed
except ImportError as error:
    if error.name != "tgas_neuro":
        raise
    installed = None
if installed != VERSION:
    print(
        f"Error: {workflow.current_basedir}/Snakefile: goes with tgas-neuro {VERSION}, but "
        f"{installed or 'it'} is {'' if installed else 'not '}installed; install the package of "
        "this version in the environment of Snakemake (docs/modules.md)",
        file=sys.stderr,
    )
    sys.exit(1)

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.yaml_files import load_configuration

min_version("9.19")

PROJECT = Path(str(workflow.current_basedir))
IS_MAIN = workflow.modifier.is_main_snakefile()  # or a module of another workflow (docs/modules.md)

# Snakemake loads nbformat to see in which language scripts are written. Where this optional package
# is there, that compiles grammars of URIs for two seconds; no notebook is read here.
if IS_MAIN:
    sys.modules.setdefault("rfc3987_syntax", None)

# Snakemake fills braces in paths of the workflow, and would end in an IndexError.
if set("{}") & set(str(workflow.current_basedir)):
    print(
        f"Error: {workflow.current_basedir}: Snakemake allows no {{ and }} in the folder of the "
        "workflow; rename the folder, or move the project to another",
        file=sys.stderr,
    )
    sys.exit(1)


# Snakemake reads it next; what is wrong with it is better said by line and column.
try:
    if os.path.isfile("config.yaml") and not workflow.modifier.skip_configfile:
        load_configuration("config.yaml")
except UserError as error:
    print(f"Error: {error}", file=sys.stderr)
    sys.exit(1)


configfile: "config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/recordings.smk"
include: "workflow/rules/teacher.smk"
include: "workflow/rules/search.smk"
include: "workflow/rules/final.smk"
include: "workflow/rules/experiments_common.smk"
include: "workflow/rules/experiments.smk"


rule all:
    default_target: True
    input:
        "results/best_cell.json",
        "results/report.html",
        figures("png", "svg", "pdf"),
        f"results/brainscore/{PLUGIN}",


onsuccess:
    drop_noticed(Path(SEARCH))
    print_summary()


onerror:
    drop_noticed(Path(SEARCH))
