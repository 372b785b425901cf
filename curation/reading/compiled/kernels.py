"""How the kernels of reading are compiled."""

from __future__ import annotations

from typing import Any

import numba
from numba import extending

# A function that counts no references: that took a third of the kernels' time, as each call counted every array that it
# was handed. So no kernel may allocate.
kernel: Any = numba.njit(_nrt=False)  # type: ignore[call-overload]
# The same without wrappers for Python, which take time to compile: what only kernels call.
inner: Any = numba.njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)  # type: ignore[call-overload]
# Machine instructions that numba does not write by itself. (Its stub counts the first parameter, which numba passes,
# among those of a call.)
instruction: Any = extending.intrinsic
