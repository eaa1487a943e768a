# SPDX-License-Identifier: GPL-2.0-or-later
"""A reduced kernel answers every question of the model as the whole one does."""

from pathlib import Path

import pytest

from immapscope.kernel import reduce
from immapscope.kernel.btf import Btf
from immapscope.kernel.classes import class_table
from immapscope.kernel.model import KernelModel
from immapscope.kernel.rawbtf import RawBtf
from immapscope.kernel.symbols import Symbols
from tests.kernel.saved import SavedKernel


def reduced(kernel: SavedKernel) -> tuple[bytes, bytes]:
    btf = (kernel.folder / "btf").read_bytes()
    return reduce.reduce(btf, (kernel.folder / "symbols").read_bytes())


def test_the_model_and_the_classes_stay_the_same(stock: SavedKernel) -> None:
    btf, text = reduced(stock)
    symbols = Symbols(text)
    assert KernelModel.from_kernel(Btf(btf, "reduced"), symbols, stock.release) == stock.model
    assert class_table(symbols) == class_table(stock.symbols)


def test_what_is_reduced_cannot_be_reduced_further(stock: SavedKernel) -> None:
    assert reduced(stock) == (
        (stock.folder / "btf").read_bytes(),
        (stock.folder / "symbols").read_bytes(),
    )


@pytest.mark.parametrize("name", ["split", "inverted", "tree-only"])
def test_the_trees_of_a_layout_are_kept(name: str) -> None:
    kernel = SavedKernel(name)
    btf, text = reduced(kernel)
    again = KernelModel.from_kernel(Btf(btf, "reduced"), Symbols(text), kernel.release)
    assert again == kernel.model


def test_a_struct_that_is_looked_into_keeps_every_member(stock: SavedKernel) -> None:
    members = stock.btf.members("address_space")
    assert members["invalidate_lock"].size == stock.btf.struct_size("rw_semaphore")
    assert "nrpages" in members


def test_a_struct_that_is_only_pointed_to_is_only_declared(stock: SavedKernel) -> None:
    operations = stock.btf.member("address_space", "a_ops")
    assert operations.type == "const struct address_space_operations *"
    assert not stock.btf.has_struct("address_space_operations")


def test_a_saved_kernel_is_small(stock: SavedKernel) -> None:
    assert (stock.folder / "btf").stat().st_size < 40_000
    assert (stock.folder / "symbols").stat().st_size < 40_000


def test_every_number_in_reduced_btf_leads_somewhere(stock: SavedKernel) -> None:
    raw = RawBtf((stock.folder / "btf").read_bytes())
    kinds_with_reference = {"PTR", "TYPEDEF", "CONST", "VOLATILE", "FUNC", "FUNC_PROTO"}
    for one in raw.types:
        if one.kind.name in kinds_with_reference:
            assert one.last < len(raw.types)


def test_the_command_writes_a_folder(tmp_path: Path) -> None:
    kernel = SavedKernel("stock-6.12")
    words = (kernel.folder / "btf", kernel.folder / "symbols", kernel.release, tmp_path / "new")
    assert reduce.main([str(word) for word in words]) == 0
    for name in ("btf", "symbols", "release"):
        assert (tmp_path / "new" / name).read_bytes() == (kernel.folder / name).read_bytes()


def test_a_file_that_cannot_be_read_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    none = str(tmp_path / "none")
    assert reduce.main([none, none, "6.1", none]) == 2
    assert capsys.readouterr().err.count("\n") == 1
