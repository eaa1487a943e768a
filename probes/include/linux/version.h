/* SPDX-License-Identifier: GPL-2.0-or-later */
/* BCC asks for it; kprobe programs no longer carry a version (kernel commit 6c4fc209fcf9, 5.0). */
#define LINUX_VERSION_CODE 0
#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + (c))
