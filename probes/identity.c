/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Identities: what names an inode, and how many links it has.
 * Cost: one read, since all of it lies close together, or three where a layout was randomised.
 */
struct identity {
	u64 super_block;
	u64 number;
	u32 links;
};

static __always_inline void identify(u64 inode, struct identity *found)
{
#if SIZE_INODE_IDENTITY <= 64
	u8 bytes[SIZE_INODE_IDENTITY] __attribute__((aligned(8)));

	bpf_probe_read_kernel(bytes, sizeof(bytes), (void *)(inode + OFF_INODE_IDENTITY));
	found->super_block = *(u64 *)(bytes + OFF_INODE_I_SB - OFF_INODE_IDENTITY);
	__builtin_memcpy(&found->number, bytes + OFF_INODE_I_INO - OFF_INODE_IDENTITY, SIZE_INODE_I_INO);
	found->links = *(u32 *)(bytes + OFF_INODE_I_NLINK - OFF_INODE_IDENTITY);
#else
	/* CONFIG_RANDSTRUCT: they may lie anywhere. */
	found->super_block = read_u64(inode + OFF_INODE_I_SB);
	bpf_probe_read_kernel(&found->number, SIZE_INODE_I_INO, (void *)(inode + OFF_INODE_I_INO));
	found->links = read_u32(inode + OFF_INODE_I_NLINK);
#endif
}
