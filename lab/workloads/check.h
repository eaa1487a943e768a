// SPDX-License-Identifier: GPL-2.0-or-later
/* What must not fail ends the workload, with the reason of the call that was made last. */
#include <stdio.h>
#include <stdlib.h>

static void check(int good, const char *what)
{
	if (!good) {
		perror(what);
		exit(1);
	}
}
