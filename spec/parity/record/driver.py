"""Reads scenario files, runs each scenario and writes programs with their traces as Lua files."""
import ast
import gc
import pathlib
import re

import generator
import matrix
import mixed_generator
import queue_generator
import queue_matrix
import stream_generator
import stream_matrix
import sync_generator
import sync_matrix
import translate
import vloop
import world

vloop.install()
gc.collect()
gc.freeze()  # a collection then looks at one program's objects only
HEAD = "-- Recorded under CPython 3.14.2 by spec/parity/record; do not edit.\nreturn {\n"


def scenarios(source):
    """The top-level functions of a file: (name, ids shown, node)."""
    for node in ast.parse(source).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            shown = [a.value for d in node.decorator_list for a in d.args]
            node.decorator_list = []
            yield node.name, shown, node


def record(name, shown, node):
    code = compile(ast.Module([node], []), name, "exec")

    def function_of(names):
        exec(code, names)
        return names[name]

    trace = world.run(name, function_of)
    if any("NameError" in line or "AttributeError" in line or "UnboundLocalError" in line for line in trace):
        raise RuntimeError(f"{name} is wrong:\n" + "\n".join(trace))
    return {"name": name, "shows": shown, "async": isinstance(node, ast.AsyncFunctionDef),
            "body": translate.body(node.body), "trace": trace}


def record_source(source):
    return [record(*one) for one in scenarios(source)]


def stored_file(texts):
    return HEAD + "\n".join(texts) + "\n}\n"


def store(root, only=None):
    """Records every file of scenarios/ (or one) and the products: a list of pairs, the name and the text to store."""
    stored = []
    for path in sorted(pathlib.Path(root, "scenarios").glob("*.py")):
        if only and path.stem != only:
            continue
        programs = record_source(path.read_text())
        stored.append((path.stem, stored_file(map(translate.program_to_lua, programs))))
        print(f"{path.stem}: {len(programs)} scenarios")
    for name, products in (("matrix", matrix), ("stream_matrix", stream_matrix), ("sync_matrix", sync_matrix),
                           ("queue_matrix", queue_matrix)):
        if not only or only == name:
            programs = unlike([made for _, source in products.sources() for made in record_source(source)])
            stored.append((name, stored_file(map(translate.program_to_lua, programs))))
            print(f"{name}: {len(programs)} scenarios")
    if not only or only == "found":
        stored.append(("found", stored_file([random_text(kind, seed, False) for kind, seed in FOUND])))
    return stored


LABEL = re.compile(r"'[^']*'|[A-Za-z_]\w*")


def renamed(trace):
    """A trace with its labels numbered in order of appearance; names of classes and of what Python prints stay."""
    numbers = {}

    def number(match):
        word = match.group()
        return word if word[0].isupper() else f"L{numbers.setdefault(word, len(numbers))}"
    return LABEL.sub(number, "\n".join(trace))


def unlike(programs):
    """Of programs whose traces differ in their labels only, the first."""
    kept = {}
    for made in programs:
        kept.setdefault(renamed(made["trace"]), made)
    return list(kept.values())


GENERATORS = {"tasks": generator, "streams": stream_generator, "locks": sync_generator, "queues": queue_generator,
              "mixed": mixed_generator}


# Random programs that have told of a mistake, or of something that had to be made definite.
FOUND = (("tasks", 1000600), ("queues", 1000484))


def random_text(kind, seed, with_text):
    """The random program of a seed, recorded, as an element of a stored file."""
    source = GENERATORS[kind].program(seed)
    made = record_source(source)[0]
    if with_text:
        made["source"] = source
    return translate.program_to_lua(made)


def random(kind, count, seed, with_text):
    """Records the random programs of `count` seeds; with_text keeps their Python texts for a person to read."""
    # Texts, not the programs: each recording collects garbage, which takes long over a heap of syntax trees.
    return stored_file([random_text(kind, i, with_text) for i in range(seed, seed + count)])


def show(root, name):
    """Prints the traces of the scenarios whose names start with `name`."""
    for path in sorted(pathlib.Path(root, "scenarios").glob("*.py")):
        for one in scenarios(path.read_text()):
            if one[0].startswith(name):
                print(f"== {one[0]}\n" + "\n".join(record(*one)["trace"]))
