"""Eight float64 side by side, one for each clip of a batch: a type for numba kernels.

A row of a (n, 8) float64 array becomes a `Lanes`, and arithmetic on it is one instruction for eight clips (AVX-512; two
or four where the machine has less). Left to itself, LLVM takes half of the machine's width and keeps no row in a
register from step to step. Rows are fastest where they begin at multiples of 64 bytes, as torch allocates them.

    load(rows, n), store(rows, n, lanes)        row n of a C-contiguous (n, 8) float64 array
    lanes(number)                               the number eight times
    + - * /, fused(a, b, c) = a * b + c         rounded once where the machine can
    where_less(a, b, then, otherwise)           lane by lane: then where a < b, else otherwise
"""

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

N_LANES = 8
VECTOR = ir.VectorType(ir.DoubleType(), N_LANES)
UNALIGNED = 8  # bytes; all that may be promised to the compiler of any numpy array


class Lanes(types.Type):
    """The type as numba's inference sees it."""

    def __init__(self) -> None:
        super().__init__(name="Lanes")


LANES = Lanes()


@register_model(Lanes)
class LanesModel(models.PrimitiveModel):
    """The type as LLVM sees it: a vector register."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, VECTOR)


def _pointer(context: Any, builder: Any, rows_type: Any, rows: Any, row: Any) -> Any:
    data = context.make_array(rows_type)(context, builder, rows).data
    first = builder.gep(data, [builder.mul(row, ir.Constant(row.type, N_LANES))])
    return builder.bitcast(first, VECTOR.as_pointer())


def _load(typing: Any, rows: Any, row: Any) -> Any:
    """Return a row as Lanes."""

    def instructions(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = builder.load(_pointer(context, builder, signature.args[0], *arguments))
        vector.align = UNALIGNED
        return vector

    return LANES(rows, types.intp), instructions


def _store(typing: Any, rows: Any, row: Any, value: Any) -> Any:
    """Write Lanes to a row."""

    def instructions(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], *arguments[:2])
        builder.store(arguments[2], pointer).align = UNALIGNED
        return context.get_dummy_value()

    return types.void(rows, types.intp, LANES), instructions


def _lanes(typing: Any, number: Any) -> Any:
    """Return a number in every lane."""

    def instructions(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        nothing, index = ir.Constant(VECTOR, ir.Undefined), ir.IntType(32)
        first = builder.insert_element(nothing, arguments[0], ir.Constant(index, 0))
        return builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(index, N_LANES), None))

    return LANES(types.float64), instructions


def _fused(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a * b + c, rounded once where the machine can."""

    def instructions(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(VECTOR, [VECTOR] * 3)
        function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fmuladd.v{N_LANES}f64")
        return builder.call(function, arguments)

    return LANES(LANES, LANES, LANES), instructions


def _where_less(typing: Any, a: Any, b: Any, then: Any, otherwise: Any) -> Any:
    """Return `then` in the lanes where a < b, else `otherwise`."""

    def instructions(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.select(builder.fcmp_ordered("<", *arguments[:2]), *arguments[2:])

    return LANES(LANES, LANES, LANES, LANES), instructions


# numba types what writes the instructions, not what a kernel calls: hence Any.
load: Any = intrinsic(_load)
store: Any = intrinsic(_store)
lanes: Any = intrinsic(_lanes)
fused: Any = intrinsic(_fused)
where_less: Any = intrinsic(_where_less)


def _define(symbol: Callable[..., object], instruction: str) -> None:
    """Let `symbol` of two Lanes be LLVM's `instruction`."""

    def operation(typing: Any, a: Any, b: Any) -> Any:
        def instructions(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return getattr(builder, instruction)(*arguments)

        return LANES(LANES, LANES), instructions

    compute: Any = intrinsic(operation)

    @overload(symbol)
    def of_lanes(a: Any, b: Any) -> Any:
        def computed(a: Any, b: Any) -> Any:
            return compute(a, b)

        return computed if a == b == LANES else None


for _symbol, _instruction in (
    (operator.add, "fadd"),
    (operator.iadd, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _define(_symbol, _instruction)
