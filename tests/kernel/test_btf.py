# SPDX-License-Identifier: GPL-2.0-or-later
"""Offsets and functions come out of BTF as the compiler meant them."""

from pathlib import Path

import pytest

from immapscope.kernel.btf import Btf, Member, MissingMemberError
from immapscope.kernel.libbpf import BtfError
from tests.kernel.saved import SavedKernel


@pytest.fixture(scope="module")
def newest() -> Btf:
    return SavedKernel("stock-7.x").btf


@pytest.fixture(scope="module")
def oldest() -> Btf:
    return SavedKernel("stock-6.1").btf


@pytest.fixture(scope="module")
def described() -> Btf:
    return SavedKernel("split").btf


def test_a_member_has_an_offset_a_size_and_a_type(newest: Btf) -> None:
    assert newest.member("address_space", "i_mmap") == Member(64, 16, "struct rb_root_cached")


def test_unnamed_unions_are_looked_through(newest: Btf, oldest: Btf) -> None:
    assert oldest.member("dentry", "d_name.name").offset == 40
    assert newest.member("dentry", "d_name.name").offset == 40
    assert newest.member("inode", "i_nlink").size == 4


def test_a_path_goes_through_qualifiers_and_typedefs(newest: Btf) -> None:
    assert newest.member("file", "f_path.dentry").type == "struct dentry *"
    assert newest.member("task_struct", "thread_info.cpu").size == 4


def test_a_named_union_needs_its_name(oldest: Btf) -> None:
    assert oldest.member("dentry", "d_u.d_alias").type == "struct hlist_node"
    with pytest.raises(MissingMemberError):
        oldest.member("dentry", "d_alias")


def test_pointers_and_arrays_are_spelled_as_in_c(described: Btf) -> None:
    assert described.member("address_space", "i_mmap").type == "struct i_mmap_tree **"
    assert described.member("qstr", "name").type == "const unsigned char *"
    inverted = SavedKernel("inverted").btf
    assert inverted.member("address_space", "i_mmap") == Member(24, 256, "struct i_mmap_tree[8]")


def test_a_type_is_spelled_without_what_does_not_matter_here(described: Btf) -> None:
    assert {name: member.type for name, member in described.members("spelled").items()} == {
        "of_union": "union spelled_union *",
        "of_enum": "enum rwsem_waiter_type",
        "of_function": "function *",
        "of_volatile": "int",
        "of_const": "const char *[2]",
    }


@pytest.mark.parametrize(
    ("struct", "path", "why"),
    [
        ("address_space", "i_mmap_lock", "no member i_mmap_lock"),
        ("address_space", "host.i_ino", "no member i_ino"),
        ("no_such_struct", "x", "no struct no_such_struct"),
        ("task_struct", "in_execve", "in_execve is a bit field"),
    ],
)
def test_what_is_missing_is_named(described: Btf, struct: str, path: str, why: str) -> None:
    with pytest.raises(MissingMemberError, match=why) as caught:
        described.member(struct, path)
    assert caught.value.name == f"{struct}.{path}"


def test_all_members_of_a_struct_can_be_listed(described: Btf) -> None:
    assert list(described.members("dentry")) == [
        "d_parent",
        "__d_name",
        "d_name",
        "d_inode",
        "d_alias",
        "d_rcu",
    ]
    assert "in_execve" not in described.members("task_struct")


def test_a_struct_that_is_only_declared_is_not_there(described: Btf, oldest: Btf) -> None:
    assert described.has_struct("i_mmap_tree")
    assert oldest.has_struct("vm_area_struct")
    assert not oldest.has_struct("address_space_operations")


def test_the_size_of_a_struct_is_in_bytes(described: Btf) -> None:
    assert described.struct_size("i_mmap_tree") == 40


def test_a_function_has_named_and_typed_parameters(newest: Btf) -> None:
    shape = newest.function("mapping_rmap_tree_insert_after")
    assert shape is not None
    assert shape.params == (
        ("vma", "struct vm_area_struct *"),
        ("prev", "struct vm_area_struct *"),
        ("mapping", "struct address_space *"),
    )
    assert shape.returns == "void"
    assert shape.position("struct address_space *") == 2
    assert shape.position("struct vm_area_struct *") is None
    assert newest.function("vma_interval_tree_insert_after") is None


def test_an_enum_gives_its_values(described: Btf) -> None:
    assert described.enum("rwsem_waiter_type") == {
        "RWSEM_WAITING_FOR_WRITE": 0,
        "RWSEM_WAITING_FOR_READ": 1,
    }
    assert described.enum("no_such_enum") is None


def test_a_typedef_is_found_by_name(newest: Btf) -> None:
    assert newest.has_typedef("btf_trace_contention_begin")
    assert not newest.has_typedef("btf_trace_no_such_event")


def test_a_kernel_without_btf_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(BtfError, match=r"vmlinux: no such file.*CONFIG_DEBUG_INFO_BTF"):
        Btf.from_file(tmp_path / "vmlinux")


def test_a_path_that_cannot_be_read_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(BtfError, match="Is a directory"):
        Btf.from_file(tmp_path)


@pytest.mark.parametrize("data", [b"", b"\x7fELF and so on"])
def test_what_is_not_btf_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "f").write_bytes(data)
    with pytest.raises(BtfError, match="not raw BTF"):
        Btf.from_file(tmp_path / "f")


def test_btf_that_was_cut_off_is_refused_in_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = SavedKernel("split").folder / "btf"
    (tmp_path / "f").write_bytes(whole.read_bytes()[:1000])
    with pytest.raises(BtfError, match="damaged or cut off"):
        Btf.from_file(tmp_path / "f")
    assert capfd.readouterr().err == ""
