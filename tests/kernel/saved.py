# SPDX-License-Identifier: GPL-2.0-or-later
"""The saved kernels that the tests of kernel/ stand on (tests/data/btf/Makefile makes them)."""

from pathlib import Path

from immapscope.kernel.btf import Btf
from immapscope.kernel.model import KernelModel
from immapscope.kernel.symbols import Symbols

DATA = Path(__file__).parents[1] / "data"
STOCK = ("stock-6.1", "stock-6.12", "stock-7.x")


class SavedKernel:
    """A kernel's reduced BTF and symbols."""

    def __init__(self, name: str, known_layouts: bool = True) -> None:
        self.folder = DATA / "btf" / name
        self.release = (self.folder / "release").read_text().strip()
        self.btf = Btf.from_file(self.folder / "btf")
        self.symbols = Symbols.from_file(self.folder / "symbols")
        self.model = KernelModel.from_kernel(self.btf, self.symbols, self.release, known_layouts)
