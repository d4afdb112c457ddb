/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "util/pool.h"

/* Work that says when it runs and goes on when it is let go. */
struct task {
	struct pool_work work; /* first */
	struct gate *gate;
	atomic_bool began, ended;
	int place; /* in which order it began */
};

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool open;
	int inside, most, total;
};

#define GATE_INIT                                                                                  \
	{                                                                                          \
		PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0, 0, 0                \
	}

static void run(struct pool_work *w)
{
	struct task *t = (struct task *)(void *)w;
	struct gate *g = t->gate;

	pthread_mutex_lock(&g->lock);
	t->place = g->total++;
	g->inside++;
	g->most = g->inside > g->most ? g->inside : g->most;
	atomic_store(&t->began, true);
	pthread_cond_broadcast(&g->changed);
	while (!g->open)
		pthread_cond_wait(&g->changed, &g->lock);
	g->inside--;
	pthread_mutex_unlock(&g->lock);
	atomic_store(&t->ended, true);
}

static void open_gate(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	g->open = true;
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
}

/* Waits until `n` are at the gate. */
static void wait_inside(struct gate *g, int n)
{
	struct timespec until;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	pthread_mutex_lock(&g->lock);
	while (g->inside < n && r == 0)
		r = pthread_cond_timedwait(&g->changed, &g->lock, &until);
	pthread_mutex_unlock(&g->lock);
	assert_int_equal(r, 0);
}

static void make(struct task *tasks, size_t n, struct gate *gate)
{
	memset(tasks, 0, n * sizeof(*tasks));
	for (size_t i = 0; i < n; i++) {
		tasks[i].work.run = run;
		tasks[i].gate = gate;
	}
}

TEST(runs_everything)
{
	struct gate gate = GATE_INIT;
	struct task tasks[300];
	struct pool *p;

	make(tasks, ARRAY_SIZE(tasks), &gate);
	gate.open = true;
	assert_int_equal(pool_new(8, ARRAY_SIZE(tasks), &p), 0);
	for (size_t i = 0; i < ARRAY_SIZE(tasks); i++)
		assert_int_equal(pool_submit(p, &tasks[i].work), 0);
	for (size_t i = 0; i < ARRAY_SIZE(tasks); i++)
		while (!atomic_load(&tasks[i].ended))
			nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
	pool_free(p);
	assert_true(gate.most <= 8);
}

/* As many threads as can be of use, never more than the bound. */
TEST(grows_to_the_bound)
{
	struct gate gate = GATE_INIT;
	struct task tasks[7];
	struct pool *p;

	make(tasks, ARRAY_SIZE(tasks), &gate);
	assert_int_equal(pool_new(3, 100, &p), 0);
	for (size_t i = 0; i < ARRAY_SIZE(tasks); i++)
		assert_int_equal(pool_submit(p, &tasks[i].work), 0);
	wait_inside(&gate, 3);
	nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	assert_int_equal(gate.most, 3);
	open_gate(&gate);
	for (size_t i = 0; i < ARRAY_SIZE(tasks); i++)
		while (!atomic_load(&tasks[i].ended))
			nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
	pool_free(p);
	assert_true(gate.most <= 3);
}

/* One thread: what waits is run in order, is bounded, and can be taken back until it begins. */
TEST(order_bound_and_taking_back)
{
	struct gate gate = GATE_INIT;
	struct task tasks[5];
	struct pool *p;

	make(tasks, ARRAY_SIZE(tasks), &gate);
	assert_int_equal(pool_new(1, 3, &p), 0);
	assert_int_equal(pool_submit(p, &tasks[0].work), 0);
	wait_inside(&gate, 1);
	for (int i = 1; i <= 3; i++)
		assert_int_equal(pool_submit(p, &tasks[i].work), 0);
	assert_int_equal(pool_submit(p, &tasks[4].work), -EAGAIN);
	assert_false(pool_take_back(p, &tasks[0].work)); /* it runs */
	assert_false(pool_take_back(p, &tasks[4].work)); /* it was never taken */
	assert_true(pool_take_back(p, &tasks[2].work));
	assert_false(pool_take_back(p, &tasks[2].work));
	assert_int_equal(pool_submit(p, &tasks[4].work), 0); /* there is room again */
	assert_true(pool_take_back(p, &tasks[4].work));      /* the last one */
	assert_int_equal(pool_submit(p, &tasks[4].work), 0);
	open_gate(&gate);
	while (!atomic_load(&tasks[4].ended))
		nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
	assert_false(pool_take_back(p, &tasks[1].work)); /* it has run */
	pool_free(p);
	assert_false(atomic_load(&tasks[2].began));
	assert_int_equal(tasks[1].place, 1);
	assert_int_equal(tasks[3].place, 2);
	assert_int_equal(tasks[4].place, 3);
}

TEST(take_back_all)
{
	struct gate gate = GATE_INIT;
	struct task tasks[4];
	struct pool *p;

	make(tasks, ARRAY_SIZE(tasks), &gate);
	assert_int_equal(pool_new(1, 8, &p), 0);
	assert_int_equal(pool_submit(p, &tasks[0].work), 0);
	wait_inside(&gate, 1);
	for (int i = 1; i < 4; i++)
		assert_int_equal(pool_submit(p, &tasks[i].work), 0);
	for (int i = 3; i > 0; i--)
		assert_true(pool_take_back(p, &tasks[i].work));
	open_gate(&gate);
	pool_free(p); /* waits for the one that runs */
	assert_true(atomic_load(&tasks[0].ended));
	for (int i = 1; i < 4; i++)
		assert_false(atomic_load(&tasks[i].began));
}

static void *open_later(void *gate)
{
	nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
	open_gate(gate);
	return NULL;
}

TEST(free_waits)
{
	struct gate gate = GATE_INIT;
	struct task tasks[2];
	struct pool *p;
	pthread_t t;

	make(tasks, ARRAY_SIZE(tasks), &gate);
	assert_int_equal(pool_new(2, 8, &p), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pool_submit(p, &tasks[i].work), 0);
	wait_inside(&gate, 2);
	assert_int_equal(pthread_create(&t, NULL, open_later, &gate), 0);
	pool_free(p);
	assert_true(atomic_load(&tasks[0].ended) && atomic_load(&tasks[1].ended));
	pthread_join(t, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs_everything),
		cmocka_unit_test(test_grows_to_the_bound),
		cmocka_unit_test(test_order_bound_and_taking_back),
		cmocka_unit_test(test_take_back_all),
		cmocka_unit_test(test_free_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
