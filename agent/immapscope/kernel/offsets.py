# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the kernel keeps what the probes read: macro names and the members that they stand for."""

from immapscope.kernel.btf import Btf, Member, MissingMemberError

# Macro of the offset, struct, the member's paths (the newest kernel's first), macro of the size.
_MEMBERS: tuple[tuple[str, str, tuple[str, ...], str | None], ...] = (
    ("OFF_INODE_I_DATA", "inode", ("i_data",), None),
    ("OFF_INODE_I_SB", "inode", ("i_sb",), None),
    # An unsigned long in 6.1 and 6.12, a u64 in 7.3.
    ("OFF_INODE_I_INO", "inode", ("i_ino",), "SIZE_INODE_I_INO"),
    ("OFF_INODE_I_NLINK", "inode", ("i_nlink",), None),
    ("OFF_INODE_I_GENERATION", "inode", ("i_generation",), None),
    ("OFF_INODE_I_DENTRY", "inode", ("i_dentry",), None),
    ("OFF_SB_S_DEV", "super_block", ("s_dev",), None),
    ("OFF_MAPPING_HOST", "address_space", ("host",), None),
    ("OFF_RWSEM_COUNT", "rw_semaphore", ("count",), None),
    ("OFF_RWSEM_OWNER", "rw_semaphore", ("owner",), None),
    ("OFF_VMA_VM_FILE", "vm_area_struct", ("vm_file",), None),
    ("OFF_FILE_F_MAPPING", "file", ("f_mapping",), None),
    ("OFF_FILE_F_DENTRY", "file", ("f_path.dentry",), None),
    ("OFF_DENTRY_D_NAME", "dentry", ("d_name.name",), None),
    ("OFF_DENTRY_D_PARENT", "dentry", ("d_parent",), None),
    # The union around it has a name, d_u, in 6.1 and 6.12 and none in 7.3.
    ("OFF_DENTRY_D_ALIAS", "dentry", ("d_alias", "d_u.d_alias"), None),
    ("OFF_DENTRY_D_INODE", "dentry", ("d_inode",), None),
    ("OFF_TASK_PID", "task_struct", ("pid",), None),
    ("OFF_TASK_CPU", "task_struct", ("thread_info.cpu",), None),
)


def read(btf: Btf) -> tuple[dict[str, int], list[MissingMemberError]]:
    """(values in bytes by macro name, what could not be found). Raises nothing."""
    values: dict[str, int] = {}
    missing: list[MissingMemberError] = []
    for offset_macro, struct, paths, size_macro in _MEMBERS:
        try:
            member = _first(btf, struct, paths)
        except MissingMemberError as error:
            missing.append(error)
            continue
        values[offset_macro] = member.offset
        if size_macro is not None:
            values[size_macro] = member.size
    return values, missing


def _first(btf: Btf, struct: str, paths: tuple[str, ...]) -> Member:
    for path in paths[:-1]:
        try:
            return btf.member(struct, path)
        except MissingMemberError:
            continue
    return btf.member(struct, paths[-1])
