// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * execstorm WORKERS SECONDS|COUNTx BINARY: each worker spawns its own copy of BINARY, one after
 * another, for so many seconds or so many times.
 *
 * Own copies, since execs of one file would queue for its inode first; libc and ld.so are shared.
 * LD_LIBRARY_PATH finds libc without ld.so.cache, whose own lock would be the third hot one.
 * Prints how many were run.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void copy(const char *from, const char *to)
{
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	struct stat file;

	if (in < 0 || out < 0 || fstat(in, &file) || sendfile(out, in, 0, file.st_size) != file.st_size)
		fail(to);
	close(in);
	close(out);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

/* Until then, or so often where that is not 0. */
static long work(const char *binary, double until, long most)
{
	char *const arguments[] = {(char *)binary, NULL};
	char *const environment[] = {"LD_LIBRARY_PATH=/lib/x86_64-linux-gnu", NULL};
	long runs = 0;

	while (most ? runs < most : now() < until) {
		pid_t child;

		if (posix_spawn(&child, binary, NULL, NULL, arguments, environment))
			fail(binary);
		waitpid(child, NULL, 0);
		runs++;
	}
	return runs;
}

int main(int count, char **arguments)
{
	int workers = count == 4 ? atoi(arguments[1]) : 0;
	long total = 0, most = 0;
	double until = 0;
	char *rest = "";
	long *runs;

	if (workers > 0) {
		double limit = strtod(arguments[2], &rest);

		until = now() + limit;
		if (!strcmp(rest, "x"))
			most = limit;
	}
	if (workers < 1 || (*rest && most < 1)) {
		fprintf(stderr, "usage: execstorm WORKERS SECONDS|COUNTx BINARY\n");
		return 2;
	}
	runs = mmap(NULL, workers * sizeof(*runs), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (runs == MAP_FAILED)
		fail("mmap");
	for (int worker = 0; worker < workers; worker++) {
		char binary[64];

		snprintf(binary, sizeof(binary), "/tmp/storm-%d", worker);
		copy(arguments[3], binary);
		if (fork() == 0) {
			runs[worker] = work(binary, until, most);
			_exit(0);
		}
	}
	while (wait(NULL) > 0)
		;
	for (int worker = 0; worker < workers; worker++)
		total += runs[worker];
	printf("%ld execs\n", total);
	return 0;
}
