"""Options of each reader as JSON schemas, so that they are checked before anything is fetched.

They stand apart from the readers because checking a description must not load their libraries.
"""

_DEGREES = {
    "description": "width of the images in degrees of visual angle",
    "type": "number",
    "exclusiveMinimum": 0,
}

# What the readers of BrainIO's form of an assembly have in common.
_ASSEMBLY = {
    "window_ms": {
        "description": (
            "start and stop of the time window in ms after the onset of the stimulus; time bins "
            "that make it up are averaged (added where the unit is spikes); not needed where "
            "there is one bin"
        ),
        "type": "array",
        "minItems": 2,
        "maxItems": 2,
        "items": {"type": "number"},
    },
    "unit": {
        "description": (
            "unit of the responses where the source does not say it; spikes means counts, which "
            "are added over time bins and never negative"
        ),
        "type": "string",
        "minLength": 1,
    },
    "degrees": _DEGREES
    | {"description": "width of the images in degrees of visual angle, instead of the table's"},
    "repetition": {
        "description": (
            "given: as the source numbers presentations of a stimulus; numbered: anew, in their "
            "order; without it, given where the source has them, else numbered"
        ),
        "enum": ["given", "numbered"],
    },
    "neuroid_id": {
        "description": "labels of a site that, joined by '_', are its unique identifier",
        "type": "array",
        "minItems": 1,
        "items": {"type": "string", "minLength": 1},
    },
    "missing": {
        "description": (
            "what becomes of missing responses (NaN) other than whole presentations: refuse, or "
            "leave out the sites or the presentations that have any"
        ),
        "enum": ["refuse", "drop_sites", "drop_presentations"],
        "default": "refuse",
    },
}

_SITES = {
    label: {
        "description": f"{label} of all sites, where the source does not say it",
        "type": "string",
        "minLength": 1,
    }
    for label in ("region", "animal")
}

_NETCDF = {"type": "object", "additionalProperties": False, "properties": _ASSEMBLY}

_BRAINIO = {"type": "object", "additionalProperties": False, "properties": _ASSEMBLY | _SITES}

_BRAINSCORE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["identifier"],
    "properties": {
        "identifier": {
            "description": "data set, as brainscore_vision.load_dataset knows it",
            "type": "string",
            "minLength": 1,
        },
        "stimulus_set": {
            "description": "stimulus set, where it is not to be the data set's own",
            "type": "string",
            "minLength": 1,
        },
        **_ASSEMBLY,
        **_SITES,
    },
}

_KRIEGESKORTE2008_IT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["degrees"],
    "properties": {"degrees": _DEGREES},
}

_LAB_HDF5 = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "levels": {
            "description": "levels of variation whose images and trials are taken",
            "type": "array",
            "minItems": 1,
            "uniqueItems": True,
            "items": {"enum": ["V0", "V3", "V6"]},
            "default": ["V0", "V3", "V6"],
        },
        "leave_out_sites": {
            "description": "sites that are not taken, by their index in the file, from 0",
            "type": "array",
            "uniqueItems": True,
            "items": {"type": "integer", "minimum": 0},
            "default": [],
        },
        "degrees": _DEGREES | {"default": 8},
    },
}

_SIMULATED = {
    "type": "object",
    "additionalProperties": False,
    "required": ["seed", "image_size", "images_per_object", "repetitions", "sites"],
    "properties": {
        "seed": {
            "description": "determines objects, pictures, sites and noise",
            "type": "integer",
            "minimum": 0,
        },
        "image_size": {
            "description": "width and height of the stimuli in pixels",
            "type": "integer",
            "minimum": 16,
            "maximum": 1024,
        },
        "images_per_object": {
            "description": "images of each object at each level of variation",
            "type": "object",
            "additionalProperties": False,
            "minProperties": 1,
            "properties": {
                level: {"description": f"images at level {level}", "type": "integer", "minimum": 0}
                for level in ("V0", "V3", "V6")
            },
        },
        "repetitions": {
            "description": "fewest and most presentations of a stimulus",
            "type": "array",
            "minItems": 2,
            "maxItems": 2,
            "items": {"type": "integer", "minimum": 1},
        },
        "sites": {
            "description": "sites of each region",
            "type": "object",
            "additionalProperties": False,
            "minProperties": 1,
            "properties": {
                region: {"description": f"sites of {region}", "type": "integer", "minimum": 1}
                for region in ("V4", "IT")
            },
        },
    },
}

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


_COLUMN = {"type": "string", "minLength": 1}

_CHOSEN = {
    "type": "object",
    "default": {},
    "additionalProperties": {
        "description": "the values of this column that are taken",
        "type": "array",
        "minItems": 1,
        "items": {"type": ["string", "number", "boolean"]},
    },
}

NWB = {
    "type": "object",
    "additionalProperties": False,
    "required": ["window_ms", "degrees"],
    "properties": {
        "table": {
            "description": "table of presentations, such as trials, or an IndexSeries",
            "default": "trials",
        }
        | _COLUMN,
        "stimulus_column": {
            "description": "column of the table that names the stimulus",
            "default": "stimulus_id",
        }
        | _COLUMN,
        "onset_column": {
            "description": "column of the table with the onset of the stimulus [s]",
            "default": "start_time",
        }
        | _COLUMN,
        "presentations": {"description": "which rows of the table: column to values"} | _CHOSEN,
        "window_ms": {
            "description": "start and stop of the window in which spikes are counted [ms]",
            "type": "array",
            "minItems": 2,
            "maxItems": 2,
            "items": {"type": "number"},
        },
        "units": {"description": "which units: column of the units table to values"} | _CHOSEN,
        "region": {"description": "region of all units, where the file does not say it"} | _COLUMN,
        "region_column": {
            "description": "column of units or electrodes that says the region",
            "default": "location",
        }
        | _COLUMN,
        "regions": {
            "description": "what the file calls a region: its name here; other units are left out",
            "type": "object",
            "default": {},
            "additionalProperties": {"description": "region", "type": "string", "minLength": 1},
        },
        "animal": {"description": "animal, where it is not to be the file's subject"} | _COLUMN,
        "labels": {
            "description": "labels of stimuli (object_name, ...): name to column of the table",
            "type": "object",
            "default": {},
            "propertyNames": {
                "enum": ["object_name", "category_name", "variation"],
            },
            "additionalProperties": {"description": "column of the table"} | _COLUMN,
        },
        "filename_column": {"description": "column with each stimulus's image file"} | _COLUMN,
        "images": {"description": "Images or ImageSeries in the file with the stimuli"} | _COLUMN,
        "degrees": {
            "description": "width of the images in degrees of visual angle",
            "type": "number",
            "exclusiveMinimum": 0,
        },
    },
}

OPTIONS = {
    "arrays": ARRAYS,
    "brainio": _BRAINIO,
    "brainscore": _BRAINSCORE,
    "kriegeskorte2008_it": _KRIEGESKORTE2008_IT,
    "netcdf": _NETCDF,
    "lab_hdf5": _LAB_HDF5,
    "nwb": NWB,
    "simulated": _SIMULATED,
}
