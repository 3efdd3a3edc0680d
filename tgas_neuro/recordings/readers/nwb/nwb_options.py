"""Options of the reader `nwb` as a JSON schema: presentations, units, window and images."""

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
