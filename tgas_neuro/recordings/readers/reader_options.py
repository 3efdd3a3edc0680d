"""Options of each reader as JSON schemas, so that they are checked before anything is fetched.

They stand apart from the readers because checking a description must not load their libraries.
"""

from tgas_neuro.recordings.readers.arrays.array_options import ARRAYS
from tgas_neuro.recordings.readers.nwb.nwb_options import NWB

_DEGREES = {
    "description": "width of the images in degrees of visual angle",
    "type": "number",
    "exclusiveMinimum": 0,
}

# What the readers of BrainIO's form of an assembly have in common.
_SOURCE = {
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

_NETCDF = {"type": "object", "additionalProperties": False, "properties": _SOURCE}

_BRAINIO = {"type": "object", "additionalProperties": False, "properties": _SOURCE | _SITES}

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
        **_SOURCE,
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
