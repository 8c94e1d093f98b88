#include "engine/archive-private.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is refused is a set-up error and leaves nothing; what is accepted names nothing
 * outside of its sections, and its suites either load or are refused in words. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *text = xmalloc(size + 1);
	struct archive_manifest m;
	struct archive_roots roots;
	struct suite_list suites = {0};
	struct err e = {0};

	memcpy(text, data, size);
	text[size] = '\0';
	if (archive_manifest_read(text, size, &m, &e) < 0) {
		if (e.kind != ERR_SETUP || !*e.msg)
			abort();
		return 0;
	}
	for (size_t i = 0; i < m.items.len; i++)
		if (m.items.v[i].name[0] == '/' || strstr(m.items.v[i].name, "../"))
			abort();
	archive_roots_init(&roots, &m, "/extracted", NULL);
	for (int placing = ARCHIVE_ORIGINAL; placing <= ARCHIVE_RELOCATED; placing++) {
		if (archive_load_suites(&m, &roots, placing, PLATFORM_TARGET, &suites,
			    NULL, &e) < 0 &&
			e.kind != ERR_SETUP)
			abort();
		suite_list_release(&suites);
	}
	archive_roots_release(&roots);
	archive_manifest_release(&m);
	return 0;
}
