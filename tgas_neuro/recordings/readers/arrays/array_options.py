"""Options of the reader `arrays` as a JSON schema: axes, tables of labels, images, or an RDM."""

_PAIR_MS = {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "number"}}

_FILE = {
    "description": "name of one of the description's files; not needed where only one can be meant",
    "type": "string",
}

_VARIABLE = {
    "description": "variable of an .npz, .mat or .h5 file; fields and elements as in a.b[0].c",
    "type": "string",
    "minLength": 1,
}

_SOURCE = {
    "description": "one value for all, or where the values are: variable, column or pattern",
    "anyOf": [
        {"type": "string", "minLength": 1},
        {"type": "number"},
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "file": _FILE,
                "variable": _VARIABLE,
                "column": {"description": "column of a .csv file", "type": "string"},
                "pattern": {
                    "description": "text with one %d, counted up, as image%04d.jpg",
                    "type": "string",
                    "pattern": "^[^%]*%(0[1-9])?d[^%]*$",
                    "expected": "text with one %d or %04d and no other %",
                },
                "first": {
                    "description": "the first number of a pattern",
                    "type": "integer",
                    "minimum": 0,
                    "default": 0,
                },
            },
        },
    ],
}


def _table(what: str, *columns: str) -> dict:
    return {
        "description": f"labels of {what}: name of the label and where its values are",
        "type": "object",
        "default": {},
        "properties": {
            "table": {
                "description": "a .csv file of which every column is a label",
                "type": "string",
            }
        }
        | dict.fromkeys(columns, _SOURCE),
        "propertyNames": {
            "pattern": "^[A-Za-z][A-Za-z0-9_]*$",
            "expected": "a label: letters, digits and '_', beginning with a letter",
        },
        "additionalProperties": _SOURCE,
    }


_TIME_BINS = {
    "description": "edges of the time bins [ms after onset], where there is an axis time_bin",
    "anyOf": [
        {"type": "array", "minItems": 1, "items": _PAIR_MS},
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["start", "width"],
            "properties": {
                "start": {"description": "start of the first bin [ms]", "type": "number"},
                "width": {
                    "description": "width of every bin [ms]",
                    "type": "number",
                    "exclusiveMinimum": 0,
                },
            },
        },
    ],
}


def _array(what: str, axes: list[str], least: int) -> dict:
    return {
        "description": what,
        "type": "object",
        "additionalProperties": False,
        "required": ["axes"],
        "properties": {
            "file": _FILE,
            "variable": _VARIABLE,
            "axes": {
                "description": "what its axes are, in order (of a .mat file as MATLAB shows them)",
                "type": "array",
                "minItems": least,
                "uniqueItems": True,
                "items": {"enum": axes},
            },
        },
    }


ARRAYS = {
    "type": "object",
    "additionalProperties": False,
    "required": ["unit", "degrees"],
    "properties": {
        "responses": _array(
            "the array of responses; NaN marks a repetition that was not made",
            ["presentation", "stimulus", "repetition", "neuroid", "time_bin"],
            2,
        ),
        "rdm": _array(
            "the published RDM instead of responses; pairs in the order of scipy's pdist",
            ["region", "pair", "row", "column"],
            1,
        ),
        "regions": {
            "description": "of an RDM: name of its region, or of each along the axis region",
            "type": "array",
            "minItems": 1,
            "uniqueItems": True,
            "items": {"type": "string", "minLength": 1},
        },
        "unit": {
            "description": "unit of the values, as spikes, Hz, or 1 - Pearson correlation",
            "type": "string",
            "minLength": 1,
        },
        "counts": {
            "description": "whether responses are counts: whole numbers from 0, added over time",
            "type": "boolean",
            "default": False,
        },
        "simultaneous": {
            "description": "whether all sites were recorded at once and share their repetitions",
            "type": "boolean",
            "default": True,
        },
        "time_window_ms": {
            "description": "start and stop of the time window [ms after onset], or words",
            "anyOf": [_PAIR_MS, {"type": "string", "minLength": 1}],
            "default": "not stated by the source",
        },
        "time_bins_ms": _TIME_BINS,
        "window_ms": {"description": "start and stop of the window to take [ms]"} | _PAIR_MS,
        "degrees": {
            "description": "width of the images in degrees of visual angle",
            "type": "number",
            "exclusiveMinimum": 0,
        },
        "stimuli": _table("stimuli, in the order of the axis", "stimulus_id", "filename"),
        "presentations": _table(
            "presentations, where there is such an axis", "stimulus_id", "repetition"
        ),
        "neuroids": _table("sites", "neuroid_id", "region", "animal", "array", "session"),
        "images": {
            "description": "where the images are: an archive, a folder, or an array of pixels",
            "type": "object",
            "additionalProperties": False,
            "default": {},
            "properties": {"file": _FILE, "variable": _VARIABLE},
        },
    },
}
