/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of `status` and `progress`, the same for containers, images and jobs. */
#include <errno.h>
#include <string.h>

#include "fs/tree.h"
#include "util/when.h"

enum { BAR = 30 };

static void add(struct buf *out, const char *key, const char *value)
{
	buf_adds(out, key);
	if (value && *value)
		buf_printf(out, " %s", value);
	buf_addc(out, '\n');
}

static void add_number(struct buf *out, const char *key, bool known, uint64_t value)
{
	buf_adds(out, key);
	if (known)
		buf_printf(out, " %llu", (unsigned long long)value);
	buf_addc(out, '\n');
}

static void add_time(struct buf *out, const char *key, int64_t t)
{
	AUTO_BUF struct buf text = BUF_INIT;

	when_format(&text, t);
	add(out, key, buf_text(&text));
}

/* What is sent may be a little more than the engine said: 100 is for what has arrived. */
static unsigned percent(const struct job_info *job)
{
	uint64_t p = job->total ? job->bytes * 100 / job->total : 0;

	if (job->state == JOB_ACTIVE)
		return 100;
	return p < 99 ? (unsigned)p : 99;
}

static bool eta(const struct job_info *job, uint64_t *ret)
{
	if (job->state != JOB_UPLOADING || !job->rate || job->total < job->bytes)
		return false;
	*ret = (job->total - job->bytes) / job->rate;
	return true;
}

static const char *either(bool known, const char *value, const char *otherwise)
{
	return known ? value : otherwise;
}

int status_show(const struct status *s, struct buf *out)
{
	const struct job_info *j = s->job;
	bool known = j->number, moves = known && j->target[0], known_eta;
	const struct err *error = known && j->error.code ? &j->error : NULL;
	uint64_t left = 0;

	if (s->rejection && (!known || s->rejection->when >= (j->ended ? j->ended : j->created)))
		error = &s->rejection->error;
	add_number(out, "job", known, j->number);
	add(out, "operation", known ? job_operation_word(j->operation) : NULL);
	add(out, "container", either(known, j->container_name, s->container));
	add(out, "image", either(known, j->reference, s->image));
	add(out, "image-id", either(known, j->image_id, s->image_id));
	add(out, "target", known ? j->target : NULL);
	add(out, "target-id", known ? j->target_id : NULL);
	add(out, "state", known ? job_state_word(j->state) : s->state);
	add_number(out, "percent", moves, percent(j));
	add_number(out, "bytes", moves, j->bytes);
	add_number(out, "total", moves && j->total, j->total);
	add_number(out, "rate", moves && j->rate, j->rate);
	known_eta = eta(j, &left);
	add_number(out, "eta", known_eta, left);
	add_number(out, "attempt", known && j->attempt, j->attempt);
	add_time(out, "started", j->started);
	add_time(out, "finished", j->ended);
	add(out, "error", error ? error->text : NULL);
	return buf_error(out);
}

/* --- progress --- */

static void add_size(struct buf *out, uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < ARRAY_SIZE(units)) {
		value /= 1024;
		unit++;
	}
	buf_printf(out, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static void add_duration(struct buf *out, uint64_t seconds)
{
	if (seconds >= 3600)
		buf_printf(out, "%llu:%02llu:%02llu", (unsigned long long)seconds / 3600,
			(unsigned long long)seconds / 60 % 60, (unsigned long long)seconds % 60);
	else
		buf_printf(out, "%llu:%02llu", (unsigned long long)seconds / 60,
			(unsigned long long)seconds % 60);
}

static void add_bar(struct buf *out, unsigned done)
{
	buf_addc(out, '[');
	for (unsigned i = 0; i < BAR; i++)
		buf_addc(out, i < done * BAR / 100 ? '#' : '.');
	buf_printf(out, "] %3u%%", done);
}

int progress_show(const struct job_info *job, struct buf *out)
{
	uint64_t left;

	if (!job->number) {
		buf_adds(out, "no job\n");
		return buf_error(out);
	}
	if (job->target[0]) {
		add_bar(out, percent(job));
		buf_adds(out, "  ");
		add_size(out, job->bytes);
		if (job->total) {
			buf_adds(out, " of ");
			add_size(out, job->total);
		}
		if (job->rate) {
			buf_adds(out, "  ");
			add_size(out, job->rate);
			buf_adds(out, "/s");
		}
		if (eta(job, &left)) {
			buf_adds(out, "  ");
			add_duration(out, left);
			buf_adds(out, " left");
		}
		buf_adds(out, "  ");
	}
	buf_printf(out, "%s\n", job_state_word(job->state));
	return buf_error(out);
}

int job_outcome(const struct job_info *job)
{
	return job->error.code ? -job->error.code : 0;
}
