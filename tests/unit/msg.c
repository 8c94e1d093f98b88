#include "wire/wire.h"

#include "tests/tap.h"

#include <errno.h>

static const char *const words[] = {"first", "", "third word", NULL};

/* Gives every field of any message a value that no other field has. */
static void fill(const struct wire_message *m, void *structure)
{
	memset(structure, 0, m->size);
	for (unsigned int i = 0; i < m->field_count; i++) {
		char *field = (char *)structure + m->fields[i].offset;

		switch (m->fields[i].kind) {
		case WIRE_U32:
			*(uint32_t *)(void *)field = 0x80000001u + i;
			break;
		case WIRE_U64:
			*(uint64_t *)(void *)field = 0x8000000000000001ull + i;
			break;
		case WIRE_STR:
			*(const char **)(void *)field = i % 2 ? "text" : "";
			break;
		case WIRE_BYTES:
			*(struct wire_bytes *)(void *)field =
				(struct wire_bytes){(const uint8_t *)"\0\1\2", 3};
			break;
		case WIRE_LIST:
			((struct wire_list *)(void *)field)->v = words;
			break;
		}
	}
}

static uint8_t body[4096], again[4096];
static union {
	char bytes[1024];
	uint64_t align;
} structure;

static void test_message(const struct wire_message *m)
{
	int len, len_again, bad = 0;

	fill(m, &structure);
	len = msg_encode(m, &structure, body, sizeof(body));
	if (!ok(len > 0 && len == (int)msg_size(m, &structure), "%s is encoded", m->name))
		return;
	ok(msg_decode(m, body, (size_t)len, &structure) == 0, "%s is decoded", m->name);
	len_again = msg_encode(m, &structure, again, sizeof(again));
	is_mem(again, (size_t)len_again, body, (size_t)len, "and the same again");
	/* In a buffer of exactly that size, so that a sanitizer sees a read beyond. */
	for (int cut = 0; cut < len; cut++) {
		uint8_t *exact = malloc((size_t)cut + !cut);

		memcpy(exact, body, (size_t)cut);
		if (msg_decode(m, exact, (size_t)cut, &structure) == 0)
			msg_encode(m, &structure, again, sizeof(again));
		free(exact);
		fill(m, &structure);
		bad += msg_encode(m, &structure, again, (size_t)cut) != -EMSGSIZE;
	}
	is_int(bad, 0, "no encoding into a buffer that is too small");
}

static void test_numbers(void)
{
	const struct wire_message *m, *before = NULL;
	int bad = 0;

	for (size_t i = 0; (m = msg_at(i)); i++, before = m) {
		bad += msg_find(m->type) != m;
		bad += before && before->type >= m->type;
	}
	is_int(bad, 0, "numbers are unique and in order");
	ok(!msg_find(0) && !msg_find(18) && !msg_find(65535),
		"numbers that are not given");
}

static void test_bytes(void)
{
	static const uint8_t want[] = {
		1, 0, 0, 0, 5, 0, 0, 0, 'h', 'e', 'l', 'l', 'o', 0};
	struct wire_note note = {1, "hello"};
	int len = msg_encode(msg_find(WIRE_NOTE), &note, body, sizeof(body));

	is_mem(body, (size_t)len, want, sizeof(want),
		"NOTE is these bytes on every machine");
}

static void test_growth(void)
{
	struct wire_note note = {1, "hello"};
	int len = msg_encode(msg_find(WIRE_NOTE), &note, body, sizeof(body));

	memcpy(body + len, "a field of the future", 21);
	ok(msg_decode(msg_find(WIRE_NOTE), body, (size_t)len + 21, &note) == 0 &&
			strcmp(note.text, "hello") == 0,
		"unknown fields at the end are skipped");
	ok(msg_decode(msg_find(WIRE_NOTE), body, 4, &note) == 0 &&
			strcmp(note.text, "") == 0,
		"missing fields at the end are empty");
}

static void test_bad(void)
{
	static const struct {
		const char *name;
		unsigned int type;
		uint8_t body[24];
		size_t len;
	} table[] = {
		{"a string without its end", WIRE_NOTE,
			{0, 0, 0, 0, 1, 0, 0, 0, 'a', 'b'}, 10},
		{"a string with an end inside", WIRE_NOTE,
			{0, 0, 0, 0, 2, 0, 0, 0, 'a', 0, 0}, 11},
		{"a string longer than the body", WIRE_NOTE,
			{0, 0, 0, 0, 255, 255, 255, 255, 'a', 0}, 10},
		{"a number that is cut", WIRE_ACK, {1, 2}, 2},
		{"a list with a wrong count", WIRE_RUN,
			{0, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 'a', 0}, 14},
		{"a list without an end", WIRE_RUN,
			{0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 'a'}, 14},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		is_int(msg_decode(msg_find(table[i].type), table[i].body, table[i].len,
			       &structure),
			-EBADMSG, table[i].name);
}

static void test_list(void)
{
	struct wire_run run = {.argv = {.v = words}};
	const char *at = NULL, *s;
	int len = msg_encode(msg_find(WIRE_RUN), &run, body, sizeof(body)), n = 0,
	    bad = 0;

	msg_decode(msg_find(WIRE_RUN), body, (size_t)len, &run);
	for (; (s = msg_list_next(&run.argv, &at)); n++)
		bad += strcmp(s, words[n]) != 0;
	ok(n == 3 && !bad, "a list gives its strings back, empty ones too");
	at = NULL;
	ok(!msg_list_next(&run.env, &at), "an empty list has none");
}

static void test_records(void)
{
	struct wire_rlimit limit = {WIRE_LIMIT_FILES, 64};
	struct wire_bytes records = {body, 0};
	size_t at = 0;
	int len = 0, n = 0;

	for (int i = 0; i < 3; i++, limit.value++)
		len = msg_put_record(
			&msg_rlimit, &limit, body, sizeof(body), (size_t)len);
	records.len = (uint32_t)len;
	while (msg_next_record(&msg_rlimit, &records, &at, &limit) == 1)
		n += (int)limit.value;
	is_int(n, 64 + 65 + 66, "records are read one after another");
	records.len = (uint32_t)len - 1;
	at = 0;
	while ((n = msg_next_record(&msg_rlimit, &records, &at, &limit)) == 1)
		continue;
	is_int(n, -EBADMSG, "a cut record is an error");
	is_int(msg_put_record(&msg_rlimit, &limit, body, 10, 0), -EMSGSIZE,
		"a record needs room");
}

int main(void)
{
	const struct wire_message *m;

	for (size_t i = 0; (m = msg_at(i)); i++)
		test_message(m);
	test_message(&msg_emulator);
	test_message(&msg_entry);
	test_numbers();
	test_bytes();
	test_growth();
	test_bad();
	test_list();
	test_records();
	return tap_done();
}
