/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "util/digest.h"

/* RFC 1321, FIPS 180-4 */
static const struct {
	const char *algorithm, *text, *hex;
} vectors[] = {
	{"md5", "", "d41d8cd98f00b204e9800998ecf8427e"},
	{"md5", "abc", "900150983cd24fb0d6963f7d28e17f72"},
	{"sha1", "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
	{"sha256", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	{"sha256", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{"sha512", "abc",
		"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
		"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
	{"sha512", "",
		"cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
		"47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"},
};

TEST(vectors)
{
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		CLEANUP(digest_freep) struct digest *d = NULL;
		struct err e = {0};
		char hex[DIGEST_HEX];

		assert_true(digest_known(vectors[i].algorithm));
		assert_int_equal(digest_new(vectors[i].algorithm, &d, &e), 0);
		assert_int_equal(digest_add(d, vectors[i].text, strlen(vectors[i].text)), 0);
		assert_int_equal(digest_hex(d, hex), 0);
		assert_string_equal(hex, vectors[i].hex);
	}
}

/* FIPS 180-4's million, in pieces of every size. */
TEST(pieces)
{
	CLEANUP(digest_freep) struct digest *d = NULL;
	struct err e = {0};
	char piece[997], hex[DIGEST_HEX];
	size_t left = 1000000, n = 0;

	memset(piece, 'a', sizeof(piece));
	assert_int_equal(digest_new("sha256", &d, &e), 0);
	while (left) {
		n = n % sizeof(piece) + 1;
		n = n < left ? n : left;
		assert_int_equal(digest_add(d, piece, n), 0);
		left -= n;
	}
	assert_int_equal(digest_hex(d, hex), 0);
	assert_string_equal(
		hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(unknown)
{
	static const char *const names[] = {"", "crc32", "sha513", "no such"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct digest *d = NULL;
		struct err e = {0};

		assert_false(digest_known(names[i]));
		assert_err(digest_new(names[i], &d, &e), &e, EOPNOTSUPP);
		assert_null(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
