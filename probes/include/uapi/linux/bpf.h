/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMMAP_UAPI_BPF_H
#define IMMAP_UAPI_BPF_H

#ifndef CONFIG_BPF_SYSCALL
#define CONFIG_BPF_SYSCALL 1
#endif
#include <linux/types.h>
#include <bcc/bpf.h>

#endif
