"""Which layer may include which, and that headers form no circle.  The table is that of docs/architecture.md."""
import re
from pathlib import Path

LAYERS = {
    # folder: what it may include besides itself
    "src/core": [],
    "src/net": ["src/core"],
    "src/imap": ["src/net", "src/core"],
    "src/store": ["src/core"],
    "src/mime": ["src/core"],
    "sync": ["src/imap", "src/store", "src/mime", "src/core"],
    "fs": ["src/store", "src/mime", "src/core"],
}
PROGRAM = "src" # its own files may include everything

_INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)


def sources(root):
    """{path below @root: layer} of every C file and header of the program."""
    found = {}
    for folder in [*LAYERS, PROGRAM]:
        here = root / folder
        paths = [*here.rglob("*.[ch]")] if folder != PROGRAM else [*here.glob("*.[ch]")]
        found.update({path.relative_to(root).as_posix(): folder for path in paths})
    return found


def strays(root):
    """C files outside of every layer: a new folder needs a row in the table."""
    known = sources(root)
    return sorted(path.relative_to(root).as_posix() for top in ("src", "sync", "fs") for path in (root / top).rglob("*.[ch]")
                  if path.relative_to(root).as_posix() not in known)


def includes(root, path, known):
    """The files of ours that @path includes, with those that cannot be found as they are written."""
    found = []
    for name in _INCLUDE.findall((root / path).read_text(encoding="utf-8")):
        for candidate in ((Path(path).parent / name).as_posix(), name, "src/" + name):
            if candidate in known:
                found.append(candidate)
                break
        else:
            found.append(name)
    return found


def violations(root):
    """One line for each include that runs against the table, and for each circle of headers."""
    root = Path(root)
    known = sources(root)
    wrong = [f"{path}: is in no layer" for path in strays(root)]
    graph = {}
    for path, layer in sorted(known.items()):
        graph[path] = includes(root, path, known)
        for target in graph[path]:
            if target not in known:
                wrong.append(f'{path}: includes "{target}", which is no header of a layer')
            elif layer != PROGRAM and known[target] != layer and known[target] not in LAYERS[layer]:
                wrong.append(f"{path}: includes {target}, but {layer} may not know {known[target]}")
    return wrong + circles({path: targets for path, targets in graph.items() if path.endswith(".h")})


def circles(graph):
    """One line for each circle found by walking @graph in depth."""
    found, done = [], set()

    def walk(path, trail):
        if path in trail:
            found.append("a circle: " + " -> ".join([*trail[trail.index(path):], path]))
        elif path not in done and path in graph:
            for target in graph[path]:
                walk(target, [*trail, path])
            done.add(path)

    for path in sorted(graph):
        walk(path, [])
    return found
