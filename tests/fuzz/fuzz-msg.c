/* The first byte chooses a message, the rest is its body. What can be read must be
 * written and read again the same. */
#include "wire/wire.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk_list(const struct wire_list *list)
{
	const char *at = NULL, *s;
	uint32_t count = 0;

	while ((s = msg_list_next(list, &at)))
		count += strlen(s) < list->len;
	if (count != list->count)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct wire_message *m = size ? msg_at(data[0]) : NULL;
	union {
		char bytes[512];
		uint64_t align;
	} one, two;
	uint8_t *out, *again;
	size_t len;

	if (!m || m->size > sizeof(one) || size > WIRE_BODY_MAX ||
		msg_decode(m, data + 1, size - 1, &one) < 0)
		return 0;
	for (unsigned int i = 0; i < m->field_count; i++)
		if (m->fields[i].kind == WIRE_LIST)
			walk_list((const struct wire_list *)(const void
					*)(one.bytes + m->fields[i].offset));
	len = msg_size(m, &one);
	out = malloc(len + 1);
	again = malloc(len + 1);
	if (msg_encode(m, &one, out, len) != (int)len ||
		msg_decode(m, out, len, &two) < 0 ||
		msg_encode(m, &two, again, len) != (int)len ||
		memcmp(out, again, len) != 0)
		abort();
	free(out);
	free(again);
	return 0;
}
