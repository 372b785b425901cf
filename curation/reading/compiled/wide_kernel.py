"""The bytes of strings, WIDTH at a time: scanned and copied by vector instructions.

Nothing here checks bounds: a caller makes sure that WIDTH bytes can be read, and written, from each position.
"""

# mypy: allow-untyped-defs
# (numba infers the types of the kernels)

from __future__ import annotations

from llvmlite import ir
from numba import types

from tilth.curation.reading.compiled.kernels import instruction

WIDTH = 32
_BYTE = ir.IntType(8)
_WIDE = ir.VectorType(_BYTE, WIDTH)


@instruction
def plain_run(typingctx, data, at):
    """Return how many of the WIDTH bytes from `at` on come before one that a scan of a string has to look at.

    Those are the quote, the backslash, control characters and all beyond ASCII.
    """

    def codegen(context, builder, signature, arguments):
        here = builder.load(_place(context, builder, signature, arguments, 0), align=1)
        stops = builder.icmp_signed("<", here, _all(b" "))  # as signed bytes, those beyond ASCII are negative
        for byte in (b'"', b"\\"):
            stops = builder.or_(stops, builder.icmp_unsigned("==", here, _all(byte)))
        return _first(builder, stops)

    return types.int64(data, at), codegen


@instruction
def copy_wide(typingctx, data, at, out, to):
    """Copy WIDTH bytes."""

    def codegen(context, builder, signature, arguments):
        here = builder.load(_place(context, builder, signature, arguments, 0), align=1)
        builder.store(here, _place(context, builder, signature, arguments, 2), align=1)
        return context.get_dummy_value()

    return types.void(data, at, out, to), codegen


@instruction
def copy_wide_twice(typingctx, data, at, out, to, other, other_to):
    """Copy WIDTH bytes to two places; return how many of them come before the first backslash."""

    def codegen(context, builder, signature, arguments):
        here = builder.load(_place(context, builder, signature, arguments, 0), align=1)
        builder.store(here, _place(context, builder, signature, arguments, 2), align=1)
        builder.store(here, _place(context, builder, signature, arguments, 4), align=1)
        return _first(builder, builder.icmp_unsigned("==", here, _all(b"\\")))

    return types.int64(data, at, out, to, other, other_to), codegen


def _place(context, builder, signature, arguments, n):
    """Return a pointer to the bytes that argument `n`, an array, has from the position on that follows it."""
    array = context.make_array(signature.args[n])(context, builder, arguments[n])
    return builder.bitcast(builder.gep(array.data, [arguments[n + 1]]), _WIDE.as_pointer())


def _all(byte):
    return ir.Constant(_WIDE, [byte[0]] * WIDTH)


def _first(builder, found):
    """Return the number of the first element that is true, WIDTH if none is."""
    bits = builder.bitcast(found, ir.IntType(WIDTH))
    return builder.zext(builder.cttz(bits, ir.Constant(ir.IntType(1), 0)), ir.IntType(64))
