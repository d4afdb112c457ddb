/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "util/table.h"

TEST(empty)
{
	struct table t = TABLE_INIT;
	size_t i = 0;

	assert_null(table_get(&t, "a"));
	assert_null(table_remove(&t, "a"));
	assert_null(table_next(&t, &i));
	assert_int_equal(t.count, 0);
	table_done(&t);
}

TEST(put_replace_remove)
{
	char first[] = "key", second[] = "key", one = 1, two = 2;
	struct table t = TABLE_INIT;
	void *old = &one;

	assert_int_equal(table_put(&t, first, &one, &old), 0);
	assert_null(old);
	assert_ptr_equal(table_get(&t, "key"), &one);
	assert_int_equal(table_put(&t, second, &two, &old), 0);
	assert_ptr_equal(old, &one);
	assert_int_equal(t.count, 1);
	/* The key lies within the value: with the old value its key goes, too. */
	memset(first, 'x', 3);
	assert_ptr_equal(table_get(&t, "key"), &two);
	assert_null(table_get(&t, "xxx"));
	assert_ptr_equal(table_remove(&t, "key"), &two);
	assert_null(table_remove(&t, "key"));
	assert_int_equal(t.count, 0);
	table_done(&t);
}

TEST(keys_of_any_bytes)
{
	static const char *const keys[] = {"", " ", "\xff\xfe", "a", "aa", "/", "a\n"};
	struct table t = TABLE_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		assert_int_equal(table_put(&t, keys[i], (void *)keys[i], NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		assert_ptr_equal(table_get(&t, keys[i]), keys[i]);
	table_done(&t);
}

/* --- against a model --- */

enum { KEYS = 600, ROUNDS = 200000 };

struct model {
	char keys[KEYS][8];
	void *values[KEYS]; /* NULL: not in it */
	size_t count;
};

static void step(struct table *t, struct model *m, uint32_t random)
{
	size_t k = random % KEYS;
	void *value = &m->keys[(random >> 12) % KEYS], *old;

	switch (random >> 28 & 3) {
	case 0:
	case 1:
		assert_int_equal(table_put(t, m->keys[k], value, &old), 0);
		assert_ptr_equal(old, m->values[k]);
		m->count += !m->values[k];
		m->values[k] = value;
		break;
	case 2:
		assert_ptr_equal(table_remove(t, m->keys[k]), m->values[k]);
		m->count -= m->values[k] != NULL;
		m->values[k] = NULL;
		break;
	default:
		assert_ptr_equal(table_get(t, m->keys[k]), m->values[k]);
	}
	assert_int_equal(t->count, m->count);
}

static void compare(const struct table *t, const struct model *m)
{
	size_t seen = 0, sum = 0, want = 0;
	char *value;

	for (size_t k = 0; k < KEYS; k++) {
		assert_ptr_equal(table_get(t, m->keys[k]), m->values[k]);
		want += m->values[k] ? (size_t)((char *)m->values[k] - m->keys[0]) : 0;
	}
	for (size_t i = 0; (value = table_next(t, &i)); seen++)
		sum += (size_t)(value - m->keys[0]);
	assert_int_equal(seen, m->count);
	assert_int_equal(sum, want);
}

TEST(model)
{
	static struct model m;
	struct table t = TABLE_INIT;
	uint64_t seed = 88172645463325252u;

	for (size_t k = 0; k < KEYS; k++)
		snprintf(m.keys[k], sizeof(m.keys[k]), "k%zu", k);
	for (size_t i = 0; i < ROUNDS; i++) {
		step(&t, &m, dice(&seed));
		if (i % 1000 == 0)
			compare(&t, &m);
	}
	compare(&t, &m);
	for (size_t k = 0; k < KEYS; k++)
		assert_ptr_equal(table_remove(&t, m.keys[k]), m.values[k]);
	assert_int_equal(t.count, 0);
	table_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_put_replace_remove),
		cmocka_unit_test(test_keys_of_any_bytes),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
