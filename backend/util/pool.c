/* SPDX-License-Identifier: Apache-2.0 */
#include "util/pool.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

enum { IDLE_SECONDS = 10, STACK_SIZE = 512 << 10 };

struct pool {
	unsigned max_threads, max_waiting;
	pthread_mutex_t lock; /* all below */
	pthread_cond_t work;  /* something waits, or the end has come */
	pthread_cond_t ended; /* a thread has ended */
	struct pool_work *first, **last;
	unsigned threads, idle, waiting;
	bool stopping;
};

int pool_new(unsigned max_threads, unsigned max_waiting, struct pool **ret)
{
	struct pool *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->max_threads = max_threads;
	p->max_waiting = max_waiting;
	p->last = &p->first;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	pthread_cond_init(&p->ended, NULL);
	*ret = p;
	return 0;
}

void pool_free(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	pthread_cond_broadcast(&p->work);
	while (p->threads)
		pthread_cond_wait(&p->ended, &p->lock);
	pthread_mutex_unlock(&p->lock);
	pthread_cond_destroy(&p->work);
	pthread_cond_destroy(&p->ended);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static struct pool_work *take_locked(struct pool *p)
{
	struct pool_work *w = p->first;

	if (!w)
		return NULL;
	p->first = w->next;
	if (!p->first)
		p->last = &p->first;
	p->waiting--;
	return w;
}

/* Waits for work; false when there was none for a while. */
static bool wait_locked(struct pool *p)
{
	struct timespec until;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += IDLE_SECONDS;
	p->idle++;
	while (!p->first && !p->stopping && r == 0)
		r = pthread_cond_timedwait(&p->work, &p->lock, &until);
	p->idle--;
	return p->first;
}

static void *thread(void *arg)
{
	struct pool *p = arg;

	pthread_mutex_lock(&p->lock);
	while (!p->stopping && (p->first || wait_locked(p))) {
		struct pool_work *w = take_locked(p);

		pthread_mutex_unlock(&p->lock);
		w->run(w);
		pthread_mutex_lock(&p->lock);
	}
	p->threads--;
	pthread_cond_broadcast(&p->ended);
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static int add_thread(struct pool *p)
{
	pthread_attr_t attr;
	pthread_t t;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	r = pthread_create(&t, &attr, thread, p);
	pthread_attr_destroy(&attr);
	if (r == 0)
		p->threads++;
	return -r;
}

int pool_submit(struct pool *p, struct pool_work *w)
{
	int r = 0;

	pthread_mutex_lock(&p->lock);
	if (p->stopping || p->waiting >= p->max_waiting)
		r = -EAGAIN;
	else if (p->waiting >= p->idle && p->threads < p->max_threads)
		r = add_thread(p);
	if (r == 0 || (r != -EAGAIN && p->threads)) {
		w->next = NULL;
		*p->last = w;
		p->last = &w->next;
		p->waiting++;
		pthread_cond_signal(&p->work);
		r = 0;
	}
	pthread_mutex_unlock(&p->lock);
	return r;
}

bool pool_take_back(struct pool *p, struct pool_work *w)
{
	bool found = false;

	pthread_mutex_lock(&p->lock);
	for (struct pool_work **at = &p->first; *at && !found; at = &(*at)->next) {
		if (*at != w)
			continue;
		*at = w->next;
		if (p->last == &w->next)
			p->last = at;
		p->waiting--;
		found = true;
		break;
	}
	pthread_mutex_unlock(&p->lock);
	return found;
}
