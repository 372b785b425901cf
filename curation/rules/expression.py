"""A polars expression written in a recipe, built by hand from its syntax tree: nothing is evaluated as Python.

Only what works on one row at a time is known here: columns, literals, operators, and the methods named below.
Whatever else stands in the text is refused by its name.
"""

from __future__ import annotations

import ast
import difflib
import operator
from collections.abc import Callable, Iterable
from typing import Any

import polars as pl

MAX_CHARS = 2_000


def _named(names: str) -> frozenset[str]:
    return frozenset(names.split())


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "col": pl.col,
    "lit": pl.lit,
    "when": pl.when,
    "coalesce": pl.coalesce,
    "min_horizontal": pl.min_horizontal,
    "max_horizontal": pl.max_horizontal,
    "any_horizontal": pl.any_horizontal,
    "all_horizontal": pl.all_horizontal,
}
METHODS = _named(
    "abs and_ cast ceil clip eq exp fill_null floor ge gt is_between is_in is_nan is_not_null is_null le "
    "log lt ne not_ or_ otherwise round sign sqrt then when xor"
)
STRING_METHODS = _named(
    "contains contains_any count_matches ends_with extract find head json_path_match len_bytes len_chars "
    "replace replace_all reverse slice split starts_with strip_chars strip_prefix strip_suffix tail "
    "to_lowercase to_uppercase"
)
LIST_METHODS = _named("contains first get join last len n_unique unique")
TYPES = {"Float64": pl.Float64, "Int64": pl.Int64, "String": pl.String, "Boolean": pl.Boolean}
NAMESPACES = {"str": STRING_METHODS, "list": LIST_METHODS}
BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {ast.Invert: operator.invert, ast.USub: operator.neg}


class ExpressionError(ValueError):
    """What in an expression is not understood, in words for its author."""


def parse(text: str) -> pl.Expr:
    """Build the polars expression that `text` says, such as `pl.col("response").str.len_chars() > 2000`.

    Raises ExpressionError for anything that is no row-by-row polars expression.
    """
    if len(text) > MAX_CHARS:
        raise ExpressionError(f"longer than {MAX_CHARS:,} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ExpressionError("no expression: check brackets, quotes and operators") from None
    try:
        built = _build(tree.body)
        if not isinstance(built, pl.Expr):
            raise ExpressionError('names no column; begin with pl.col("response")')
        built.meta.root_names()
    except (TypeError, ValueError, AttributeError, pl.exceptions.PolarsError) as error:
        if isinstance(error, ExpressionError):
            raise
        raise ExpressionError(f"polars refuses it: {str(error).splitlines()[0][:160]}") from None
    return built


def columns(expression: pl.Expr) -> list[str]:
    """Return the columns that an expression reads, sorted."""
    return sorted(set(expression.meta.root_names()))


def _build(node: ast.AST) -> Any:
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str | int | float | bool) or node.value is None:
            return node.value
        raise ExpressionError(f"{type(node.value).__name__} is no literal of an expression")
    if isinstance(node, ast.List | ast.Tuple):
        return [_build(item) for item in node.elts]
    if isinstance(node, ast.BinOp) and type(node.op) in BINARY:
        return BINARY[type(node.op)](*_sides(node.left, node.right))
    if isinstance(node, ast.UnaryOp) and type(node.op) in UNARY:
        return UNARY[type(node.op)](_build(node.operand))
    if isinstance(node, ast.Compare):
        return _compare(node)
    if isinstance(node, ast.Call):
        return _call(node)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "pl":
        _known(node.attr, TYPES, "pl.")
        return TYPES[node.attr]
    if isinstance(node, ast.BoolOp | ast.UnaryOp):
        raise ExpressionError("write &, | and ~ with brackets, as polars does, for and, or and not")
    raise ExpressionError(f"{type(node).__name__} is not part of an expression here")


def _compare(node: ast.Compare) -> Any:
    if len(node.ops) != 1 or type(node.ops[0]) not in COMPARISONS:
        raise ExpressionError("compare two things at a time; for membership use .is_in([...])")
    return COMPARISONS[type(node.ops[0])](*_sides(node.left, node.comparators[0]))


def _sides(left: ast.expr, right: ast.expr) -> tuple[Any, Any]:
    """Return both sides of an operator; one names a column, so that no literal grows here ("x" * 10**9)."""
    sides = _build(left), _build(right)
    if not any(isinstance(side, pl.Expr) for side in sides):
        raise ExpressionError("one side of an operator must name a column")
    return sides


def _call(node: ast.Call) -> Any:
    function = _callable(node.func)
    if any(keyword.arg is None for keyword in node.keywords) or any(
        isinstance(a, ast.Starred) for a in node.args
    ):
        raise ExpressionError("arguments are written out one by one")
    return function(
        *(_build(argument) for argument in node.args),
        **{str(keyword.arg): _build(keyword.value) for keyword in node.keywords},
    )


def _callable(node: ast.expr) -> Callable[..., Any]:
    """Return the function or method that a call names, or refuse it."""
    if not isinstance(node, ast.Attribute):
        raise ExpressionError('begin with pl.col("response")')
    name, owner = node.attr, node.value
    if isinstance(owner, ast.Name):
        if owner.id != "pl":
            raise ExpressionError(f'{owner.id!r} is unknown; begin with pl.col("response")')
        _known(name, FUNCTIONS, "pl.")
        return FUNCTIONS[name]
    if isinstance(owner, ast.Attribute) and owner.attr in NAMESPACES:
        _known(name, NAMESPACES[owner.attr], f".{owner.attr}.")
        return getattr(getattr(_build(owner.value), owner.attr), name)
    _known(name, METHODS, ".")
    return getattr(_build(owner), name)


def _known(name: str, known: Iterable[str], where: str) -> None:
    if name not in known:
        close = difflib.get_close_matches(name, list(known), n=1)
        hint = f"did you mean {where}{close[0]}?" if close else f"known are {', '.join(sorted(known))}"
        raise ExpressionError(f"{where}{name} is not known here; {hint}")
