/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "fs/node.h"

#define AUTO_NODES CLEANUP(nodes_freep)
DEFINE_CLEANUP(struct nodes *, nodes_free)

static struct nodes *make(void)
{
	struct nodes *n = NULL;

	assert_int_equal(nodes_new(&n), 0);
	return n;
}

static fuse_ino_t dir_ino(uint64_t number)
{
	return node_ino(number, NODE_DIR);
}

TEST(fixed)
{
	static const struct dir_type *const types[] = {
		&root_type, &containers_type, &images_type, &jobs_type};
	AUTO_NODES struct nodes *n = make();

	assert_int_equal(dir_ino(nodes_fixed(&root_type)), FUSE_ROOT_ID);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		fuse_ino_t ino = dir_ino(nodes_fixed(types[i]));
		struct node *node = nodes_get(n, ino);

		assert_non_null(node);
		assert_ptr_equal(node->type, types[i]);
		assert_string_equal(node_key(node), "");
		assert_null(node_row(node, ino));
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(nodes_fixed(types[k]), nodes_fixed(types[i]));
		nodes_forget(n, ino, 1000000); /* they stay */
		assert_ptr_equal(nodes_get(n, ino), node);
	}
}

TEST(rows)
{
	AUTO_NODES struct nodes *n = make();
	uint64_t number = nodes_look_up(n, &container_type, "id", NODE_LISTED);
	struct node *node = nodes_get(n, dir_ino(number));

	assert_null(node_row(node, dir_ino(number)));
	for (unsigned i = 0; container_type.files[i].name; i++) {
		fuse_ino_t ino = node_ino(number, NODE_FIRST_ROW + i);

		assert_ptr_equal(nodes_get(n, ino), node);
		assert_ptr_equal(node_row(node, ino), &container_type.files[i]);
	}
}

/* The place of a file must fit beside the number. */
TEST(rows_fit)
{
	static const struct dir_type *const types[] = {
		&root_type, &container_type, &image_type, &job_type};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		for (unsigned k = 0; types[i]->files[k].name; k++)
			assert_true(NODE_FIRST_ROW + k < 1u << NODE_SHIFT);
}

TEST(listed_is_found_again)
{
	AUTO_NODES struct nodes *n = make();
	uint64_t a = nodes_look_up(n, &container_type, "a", NODE_LISTED);
	struct node *node = nodes_get(n, dir_ino(a));

	assert_int_not_equal(a, 0);
	assert_string_equal(node_key(node), "a");
	assert_ptr_equal(node->type, &container_type);
	assert_int_equal(nodes_look_up(n, &container_type, "a", NODE_LISTED), a);
	assert_int_not_equal(nodes_look_up(n, &container_type, "b", NODE_LISTED), a);
	assert_int_not_equal(nodes_look_up(n, &image_type, "a", NODE_LISTED), a);
	assert_int_not_equal(nodes_look_up(n, &job_type, "a", NODE_LISTED), a);
}

/* As many forgets as look-ups: then it is gone, and its number with it. */
TEST(forget)
{
	AUTO_NODES struct nodes *n = make();
	size_t before = nodes_count(n);
	uint64_t a = nodes_look_up(n, &container_type, "a", NODE_LISTED), again;

	nodes_look_up(n, &container_type, "a", NODE_LISTED);
	nodes_hold(n, nodes_get(n, dir_ino(a)));
	assert_int_equal(nodes_count(n), before + 1);
	nodes_forget(n, node_ino(a, NODE_FIRST_ROW + 1), 2); /* a file of it */
	assert_non_null(nodes_get(n, dir_ino(a)));
	nodes_forget(n, dir_ino(a), 1);
	assert_null(nodes_get(n, dir_ino(a)));
	assert_int_equal(nodes_count(n), before);
	nodes_forget(n, dir_ino(a), 1); /* unheard of */
	again = nodes_look_up(n, &container_type, "a", NODE_LISTED);
	assert_int_not_equal(again, a);
	assert_null(nodes_get(n, dir_ino(a)));
}

TEST(unknown)
{
	AUTO_NODES struct nodes *n = make();

	assert_null(nodes_get(n, dir_ino(999)));
	assert_null(nodes_get(n, (fuse_ino_t)-1));
	nodes_forget(n, (fuse_ino_t)-1, 1);
}

static size_t numbers(struct nodes *n, const char *key, bool gone, uint64_t *ret)
{
	return nodes_of(n, &container_type, key, gone, ret, 16);
}

static bool holds(const uint64_t *list, size_t n, uint64_t number)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == number)
			return true;
	return false;
}

/* Another name, another node; events find them all. */
TEST(alias)
{
	AUTO_NODES struct nodes *n = make();
	uint64_t first = nodes_look_up(n, &container_type, "a", NODE_ALIAS), list[16];
	uint64_t listed = nodes_look_up(n, &container_type, "a", NODE_LISTED);
	uint64_t second = nodes_look_up(n, &container_type, "a", NODE_ALIAS);

	assert_int_not_equal(first, listed);
	assert_int_not_equal(first, second);
	assert_int_not_equal(second, listed);
	assert_int_equal(nodes_look_up(n, &container_type, "a", NODE_LISTED), listed);
	assert_int_equal(numbers(n, "a", false, list), 3);
	assert_true(holds(list, 3, first) && holds(list, 3, listed) && holds(list, 3, second));
	assert_int_equal(nodes_of(n, &container_type, "a", false, list, 1), 1);
	assert_int_equal(list[0], listed); /* the listed one is always among them */
	nodes_forget(n, dir_ino(listed), 2);
	assert_int_equal(numbers(n, "a", false, list), 2);
	assert_true(holds(list, 2, first) && holds(list, 2, second));
	nodes_forget(n, dir_ino(first), 1);
	nodes_forget(n, dir_ino(second), 1);
	assert_int_equal(numbers(n, "a", false, list), 0);
}

/* For a control file: a new one each time, which no event looks for. */
TEST(alone)
{
	AUTO_NODES struct nodes *n = make();
	uint64_t one = nodes_look_up(n, &container_type, "a", NODE_ALONE), list[16];
	uint64_t two = nodes_look_up(n, &container_type, "a", NODE_ALONE);
	uint64_t listed = nodes_look_up(n, &container_type, "a", NODE_LISTED);

	assert_true(one != two && one != listed && two != listed);
	assert_int_equal(numbers(n, "a", false, list), 1);
	assert_int_equal(list[0], listed);
	assert_string_equal(node_key(nodes_get(n, dir_ino(one))), "a");
	nodes_forget(n, dir_ino(one), 1);
	assert_null(nodes_get(n, dir_ino(one)));
	assert_non_null(nodes_get(n, dir_ino(two)));
	assert_int_equal(nodes_look_up(n, &container_type, "a", NODE_LISTED), listed);
}

/* The object went: who still has its nodes can go on, but its name leads to a new one. */
TEST(gone)
{
	AUTO_NODES struct nodes *n = make();
	uint64_t a = nodes_look_up(n, &container_type, "a", NODE_LISTED), list[16];
	uint64_t alias = nodes_look_up(n, &container_type, "a", NODE_ALIAS);
	uint64_t again;

	assert_int_equal(numbers(n, "a", true, list), 2);
	assert_true(holds(list, 2, a) && holds(list, 2, alias));
	assert_int_equal(numbers(n, "a", false, list), 0);
	assert_non_null(nodes_get(n, dir_ino(a)));
	again = nodes_look_up(n, &container_type, "a", NODE_LISTED);
	assert_true(again != a && again != alias);
	assert_int_equal(numbers(n, "a", false, list), 1);
	nodes_forget(n, dir_ino(a), 1);
	nodes_forget(n, dir_ino(alias), 1);
	assert_int_equal(numbers(n, "a", false, list), 1);
	assert_int_equal(list[0], again);
}

/* With `gone`, those that don't fit into the answer are hidden all the same. */
TEST(gone_beyond_max)
{
	AUTO_NODES struct nodes *n = make();
	uint64_t list[16];

	for (int i = 0; i < 5; i++)
		nodes_look_up(n, &container_type, "a", NODE_ALIAS);
	assert_int_equal(nodes_of(n, &container_type, "a", true, list, 2), 2);
	assert_int_equal(numbers(n, "a", false, list), 0);
}

TEST(long_keys)
{
	AUTO_NODES struct nodes *n = make();
	char key[401];
	uint64_t number;

	memset(key, 'k', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	number = nodes_look_up(n, &image_type, key, NODE_LISTED);
	assert_string_equal(node_key(nodes_get(n, dir_ino(number))), key);
	assert_int_equal(nodes_look_up(n, &image_type, key, NODE_LISTED), number);
	key[399] = 'l';
	assert_int_not_equal(nodes_look_up(n, &image_type, key, NODE_LISTED), number);
}

/* --- against a model: a number is never given twice, and the count is right --- */

enum { HELD = 300, ROUNDS = 60000 };

TEST(model)
{
	AUTO_NODES struct nodes *n = make();
	struct {
		uint64_t number, lookups;
	} held[HELD] = {0};
	size_t before = nodes_count(n), count = 0;
	uint64_t seed = 3, newest = 0;

	for (int i = 0; i < ROUNDS; i++) {
		uint32_t random = dice(&seed);
		size_t k = random % HELD;
		enum node_kind kind = random >> 10 & 1 ? NODE_ALIAS : NODE_ALONE;
		char key[16];

		snprintf(key, sizeof(key), "k%zu", k % 7);
		if (!held[k].number) {
			held[k].number = nodes_look_up(n, &container_type, key, kind);
			held[k].lookups = 1;
			assert_true(held[k].number > newest);
			newest = held[k].number;
			count++;
		} else if (random >> 12 & 1) {
			nodes_hold(n, nodes_get(n, dir_ino(held[k].number)));
			held[k].lookups++;
		} else {
			nodes_forget(n, dir_ino(held[k].number), 1);
			held[k].lookups--;
			if (!held[k].lookups) {
				assert_null(nodes_get(n, dir_ino(held[k].number)));
				held[k].number = 0;
				count--;
			}
		}
		if (held[k].number)
			assert_string_equal(node_key(nodes_get(n, dir_ino(held[k].number))), key);
		assert_int_equal(nodes_count(n), before + count);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fixed),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_rows_fit),
		cmocka_unit_test(test_listed_is_found_again),
		cmocka_unit_test(test_forget),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_alias),
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_gone_beyond_max),
		cmocka_unit_test(test_long_keys),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
