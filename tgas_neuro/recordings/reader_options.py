"""Options of each reader as JSON schemas, so that they are checked before anything is fetched.

They stand apart from the readers because checking a description must not load their libraries.
"""

_DEGREES = {
    "description": "width of the images in degrees of visual angle",
    "type": "number",
    "exclusiveMinimum": 0,
}

_COWLEY2023_V4 = {
    "type": "object",
    "additionalProperties": False,
    "required": ["session", "animal", "degrees"],
    "properties": {
        "session": {
            "description": "recording session, as in the source's table",
            "type": "string",
            "pattern": "^[0-9]{6}$",
            "expected": "a date as yymmdd, in quotes",
        },
        "animal": {
            "description": "animal, as in the source's table",
            "type": "string",
            "pattern": "^[A-Za-z0-9]+$",
            "expected": "letters and digits",
        },
        "degrees": _DEGREES,
    },
}

_KRIEGESKORTE2008_IT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["degrees"],
    "properties": {"degrees": _DEGREES},
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
    "cowley2023_v4": _COWLEY2023_V4,
    "kriegeskorte2008_it": _KRIEGESKORTE2008_IT,
    "simulated": _SIMULATED,
}
