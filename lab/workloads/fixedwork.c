// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fixedwork FILE WHAT COUNT [TASKS]: do WHAT exactly COUNT times, or each of TASKS at once does, and
 * print how many ns it took by the guest's clock, which counts instructions where the guest is run
 * so. A tenth as often before, so that everything is in the page cache.
 *
 * exec  spawn FILE and wait for it
 * fork  fork a child that exits at once
 * mmap  map and unmap a page of FILE
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096UL

static void await(pid_t child)
{
	int status;

	check(waitpid(child, &status, 0) > 0 && status == 0, "a child");
}

static void exec_once(const char *path)
{
	char *const nothing[] = {(char *)path, NULL};
	pid_t child;

	check(posix_spawn(&child, path, NULL, NULL, nothing, nothing + 1) == 0, path);
	await(child);
}

static void fork_once(void)
{
	pid_t child = fork();

	check(child >= 0, "fork");
	if (!child)
		_exit(0);
	await(child);
}

static void map_once(int file)
{
	void *address = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 0);

	check(address != MAP_FAILED, "mmap");
	check(munmap(address, PAGE) == 0, "munmap");
}

static void work(const char *what, long count, const char *path, int file)
{
	while (count-- > 0) {
		if (!strcmp(what, "exec"))
			exec_once(path);
		else if (!strcmp(what, "fork"))
			fork_once();
		else
			map_once(file);
	}
}

static void work_at_once(const char *what, long count, const char *path, int file, long tasks)
{
	for (long task = 1; task < tasks; task++) {
		pid_t child = fork();

		check(child >= 0, "fork");
		if (!child) {
			work(what, count, path, file);
			_exit(0);
		}
	}
	work(what, count, path, file);
	for (long task = 1; task < tasks; task++)
		await(-1);
}

int main(int arguments, char **argument)
{
	struct timespec began, ended;
	long count, tasks;
	int file;

	if (arguments != 4 && arguments != 5) {
		fprintf(stderr, "usage: fixedwork FILE exec|fork|mmap COUNT [TASKS]\n");
		return 2;
	}
	file = open(argument[1], O_RDONLY | O_CLOEXEC);
	check(file >= 0, argument[1]);
	count = strtol(argument[3], NULL, 10);
	tasks = arguments == 5 ? strtol(argument[4], NULL, 10) : 1;
	work(argument[2], count / 10, argument[1], file);
	clock_gettime(CLOCK_MONOTONIC, &began);
	work_at_once(argument[2], count, argument[1], file, tasks);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	printf("%s %lld\n", argument[2],
	       (ended.tv_sec - began.tv_sec) * 1000000000LL + ended.tv_nsec - began.tv_nsec);
	return 0;
}
