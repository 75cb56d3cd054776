"""Checks who includes whom: the layers of common/ in one direction, a program only common/ and itself, yajl
only in common/codec, libev only behind common/io/loop.h."""

import re
import sys

LAYERS = ["base", "codec", "event", "io", "service"]
PROGRAMS = ["ingest", "consumer-primary", "query", "ctl"]
ONLY_IN = {"yajl/": "common/codec/", "ev.h": "common/io/loop", "curl/": "common/io/http_client", "llhttp.h": "common/io/http_"}
INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', re.MULTILINE)


def layer(path):
    parts = path.split("/")
    return LAYERS.index(parts[1]) if parts[0] == "common" and parts[1] in LAYERS else None


def fault(path, included):
    """Why this include is wrong, or None."""
    for start, allowed in ONLY_IN.items():
        if included.startswith(start) and not path.startswith((allowed, "tests/")):
            return f"only {allowed}* includes {start}"
    own, other = layer(path), layer(included)
    folder, of = path.split("/")[0], included.split("/")[0]
    if other is not None and own is not None and other > own:
        return f"{LAYERS[own]} may not know {LAYERS[other]}"
    if of in PROGRAMS and folder not in (of, "tests"):
        return f"{folder} may not include a part of {of}"
    if of == "tests" and folder != "tests":
        return "only tests include tests"
    return None


def main(paths):
    faults = 0
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for included in INCLUDE.findall(file.read()):
                why = fault(path, included)
                if why:
                    print(f"{path}: includes {included}: {why}")
                    faults += 1
    return faults > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
