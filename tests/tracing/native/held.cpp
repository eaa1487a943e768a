// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * probes/held.c as this machine's compiler reads it: BCC's tables are classes, so that their methods
 * are C++. Reads "remember|find|forget TASK SEM" lines and answers each; or, given a number of
 * threads and of rounds, has that many tasks hold locks at once, and counts holds that went astray.
 */
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

typedef uint64_t u64;
typedef uint32_t u32;
typedef int32_t s32;
typedef uint16_t u16;
typedef uint8_t u8;
#undef __always_inline
#define __always_inline inline
#define BPF_F_MMAPABLE 0

template <typename Value, u32 Count> struct Array {
	Value values[Count];

	Value *lookup(u32 *index) { return *index < Count ? &values[*index] : nullptr; }
};

template <typename Key, typename Value, u32 Count> struct Hash {
	struct Less {
		bool operator()(const Key &left, const Key &right) const
		{
			return memcmp(&left, &right, sizeof(Key)) < 0;
		}
	};
	std::map<Key, Value, Less> values;
	std::mutex lock;

	Value *lookup(Key *key)
	{
		std::lock_guard<std::mutex> guard(lock);
		auto found = values.find(*key);
		return found == values.end() ? nullptr : &found->second;
	}

	int insert(Key *key, Value *value)
	{
		std::lock_guard<std::mutex> guard(lock);
		if (values.size() >= Count)
			return -1;
		return values.emplace(*key, *value).second ? 0 : -1;
	}

	int delete_(Key *key)
	{
		std::lock_guard<std::mutex> guard(lock);
		return values.erase(*key) ? 0 : -1;
	}
};

#define delete delete_
#define BPF_F_TABLE(kind, key, value, name, count, flags) static Array<value, count> name
#define BPF_TABLE(kind, key, value, name, count) static Hash<key, value, count> name
#define BPF_ARRAY(name, value, count) static Array<value, count> name

static void count(u64 *counter, u64 by)
{
	__sync_fetch_and_add(counter, by);
}

struct wait {
	u64 whatever[6];
};

#include "held.c"

static long astray;

static std::atomic<bool> go;

static void work(u32 task, long rounds)
{
	while (!go)
		std::this_thread::yield();
	for (long round = 0; round < rounds; round++) {
		u64 first = (u64)task << 32 | round, second = ~first;
		struct held one = {}, other = {}, *found;

		one.id = first;
		other.id = second;
		if (!remember_hold(task, first, &one) || !remember_hold(task, second, &other))
			abort();
		found = held_by(task, second);
		if (!found || found->id != second)
			count((u64 *)&astray, 1);
		forget_hold(task, round & 1 ? first : second);
		found = held_by(task, round & 1 ? second : first);
		if (!found || found->id != (round & 1 ? second : first))
			count((u64 *)&astray, 1);
		forget_hold(task, round & 1 ? second : first);
		if (held_by(task, first) || held_by(task, second))
			count((u64 *)&astray, 1);
	}
}

static void answer(const char *what, u32 task, u64 sem)
{
	struct held state = {}, *found = held_by(task, sem);

	if (!strcmp(what, "remember")) {
		state.id = (u64)task << 32 | sem;
		puts(remember_hold(task, sem, &state) ? "yes" : "no room");
	} else if (!strcmp(what, "forget")) {
		forget_hold(task, sem);
		puts("done");
	} else if (!found) {
		puts("none");
	} else {
		printf("%llu\n", (unsigned long long)found->id);
	}
}

int main(int arguments, char **words)
{
	std::vector<std::thread> threads;
	unsigned long long sem;
	unsigned int task;
	char what[16];

	if (arguments < 3) {
		while (scanf("%15s %u %llu", what, &task, &sem) == 3)
			answer(what, task, sem);
		return 0;
	}
	/* All of one place, so that they get in each other's way. */
	for (int number = 1; number <= atoi(words[1]); number++)
		threads.emplace_back(work, number * HELD, atol(words[2]));
	go = true;
	for (auto &thread : threads)
		thread.join();
	printf("%ld astray, %llu elsewhere\n", astray, (unsigned long long)*holds_elsewhere());
	return astray != 0;
}
