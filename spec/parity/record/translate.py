"""Turns a scenario's Python text into the program as data that interpreter.lua runs. README.md lists the nodes."""
import ast

COMPARE = {ast.Eq: "==", ast.NotEq: "~=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Is: "is",
           ast.IsNot: "isnot", ast.In: "in", ast.NotIn: "notin"}
BINARY = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Mod: "%"}


class Unsupported(Exception):
    pass


def expr(node):
    return getattr(Expr, type(node).__name__, Expr.unknown)(node)


def body(statements):
    made = [getattr(Statement, type(s).__name__, Statement.unknown)(s) for s in statements]
    return [s for s in made if s is not None]


def call_parts(node):
    args = [["star", expr(a.value)] if isinstance(a, ast.Starred) else expr(a) for a in node.args]
    options = {k.arg: expr(k.value) for k in node.keywords}
    return [args, options] if options else [args]


class Expr:
    def unknown(node):
        raise Unsupported(ast.dump(node))

    def Constant(node):
        return ["none"] if node.value is None else node.value

    def Name(node):
        return ["v", node.id]

    def Call(node):
        if isinstance(node.func, ast.Attribute):
            return ["method", expr(node.func.value), node.func.attr, *call_parts(node)]
        return ["call", expr(node.func), *call_parts(node)]

    def Attribute(node):
        return ["attr", expr(node.value), node.attr]

    def Subscript(node):
        return ["index", expr(node.value), expr(node.slice)]

    def List(node):
        return ["list", *map(expr, node.elts)]

    Tuple = List

    def Dict(node):
        return ["dict", {k.value: expr(v) for k, v in zip(node.keys, node.values)}]

    def Await(node):
        return ["await", expr(node.value)]

    def Yield(node):
        return ["yield", expr(node.value) if node.value else ["none"]]

    def Compare(node):
        return ["cmp", COMPARE[type(node.ops[0])], expr(node.left), expr(node.comparators[0])]

    def BoolOp(node):
        made = expr(node.values[0])
        for value in node.values[1:]:
            made = ["and" if isinstance(node.op, ast.And) else "or", made, expr(value)]
        return made

    def UnaryOp(node):
        if isinstance(node.op, ast.Not):
            return ["not", expr(node.operand)]
        return -expr(node.operand)

    def BinOp(node):
        return ["bin", BINARY[type(node.op)], expr(node.left), expr(node.right)]

    def IfExp(node):
        return ["choose", expr(node.test), expr(node.body), expr(node.orelse)]

    def Lambda(node):
        return ["lambda", params(node.args), [["return", expr(node.body)]]]

    def JoinedStr(node):
        return ["format", *(expr(v.value if isinstance(v, ast.FormattedValue) else v) for v in node.values)]

    def ListComp(node):
        one = node.generators[0]
        return ["each", expr(node.elt), one.target.id, expr(one.iter), *map(expr, one.ifs)]


def params(args):
    """Names in order; one with a default is a pair; a last one that takes the rest is {"rest", name}."""
    names = [a.arg for a in args.args]
    for i, default in enumerate(args.defaults):
        at = len(names) - len(args.defaults) + i
        names[at] = [names[at], expr(default)]
    if args.vararg:
        names.append(["rest", args.vararg.arg])
    return names


def yields(node):
    """Whether a yield belongs to the function itself: it is an async generator then."""
    return any(isinstance(child, ast.Yield) or not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
               and yields(child) for child in ast.iter_child_nodes(node))


def target(node):
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Tuple):
        return [n.id for n in node.elts]
    raise Unsupported(ast.dump(node))


class Statement:
    unknown = Expr.unknown

    def Expr(node):
        return ["do", expr(node.value)] if not isinstance(node.value, ast.Constant) else None

    def Assign(node):
        return ["let", target(node.targets[0]), expr(node.value)]

    def AugAssign(node):
        return ["let", node.target.id, ["bin", BINARY[type(node.op)], ["v", node.target.id], expr(node.value)]]

    def FunctionDef(node):
        return ["def", node.name, params(node.args), body(node.body)]

    def AsyncFunctionDef(node):
        return ["agen" if yields(node) else "async", node.name, params(node.args), body(node.body)]

    def Return(node):
        return ["return", expr(node.value) if node.value else ["none"]]

    def If(node):
        return ["if", expr(node.test), body(node.body), body(node.orelse)]

    def While(node):
        return ["while", expr(node.test), body(node.body)]

    def For(node):
        return ["for", target(node.target), expr(node.iter), body(node.body)]

    def AsyncFor(node):
        return ["asyncfor", target(node.target), expr(node.iter), body(node.body)]

    def With(node):
        made = body(node.body)
        for item in reversed(node.items):
            made = [["with", expr(item.context_expr), target(item.optional_vars) if item.optional_vars else False, made]]
        return made[0]

    AsyncWith = With

    def Try(node):
        handlers = [[expr(h.type) if h.type else False, h.name or False, body(h.body)] for h in node.handlers]
        return ["try", body(node.body), handlers, body(node.orelse), body(node.finalbody)]

    def Raise(node):
        if not node.exc:
            return ["reraise"]
        return ["raise", expr(node.exc)] + ([expr(node.cause)] if node.cause else [])

    def Break(node):
        return ["break"]

    def Continue(node):
        return ["continue"]

    def Nonlocal(node):
        return ["nonlocal", *node.names]

    def Pass(node):
        return None

    def Delete(node):
        return ["forget", *(n.id for n in node.targets)]


def to_lua(value):
    """A Lua table constructor for nested lists, dicts with string keys and plain values."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, bytes):
        plain = value.decode("latin-1")
        return '"' + "".join(c if " " <= c <= "~" and c not in '\\"' else f"\\x{ord(c):02x}" for c in plain) + '"'
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    if isinstance(value, dict):
        return "{" + ",".join(f'["{k}"]={to_lua(v)}' for k, v in value.items()) + "}"
    return "{" + ",".join(map(to_lua, value)) + "}"


def program_to_lua(made):
    """One scenario as an element of a stored file: statements and trace lines stand on lines of their own. The program is made
    by a function, because a collector that walks all of them after each replay would take most of the time."""
    lines = [f'{{name={to_lua(made["name"])}, shows={to_lua(made["shows"])}, async={to_lua(made["async"])},']
    if "source" in made:
        lines.append(f'source=[==[\n{made["source"]}]==],')
    lines.append("body=function() return {")
    lines += [to_lua(s) + "," for s in made["body"]]
    lines.append("} end, trace={")
    lines += [to_lua(line) + "," for line in made["trace"]]
    lines.append("}},")
    return "\n".join(lines)
