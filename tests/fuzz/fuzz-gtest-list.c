#include "framework/framework.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is no listing of one framework is none of the others either, so all read it. A
 * suite that is listed has names that differ, and either is whole or has no empty name.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (size_t i = 0; framework_table[i]; i++) {
		const struct framework *f = framework_table[i];
		autofree char *text = xmalloc(size);
		struct suite s = {.skip_code = -1};
		struct err e = {0};

		if (!f->list_argv)
			continue;
		strv_push(&s.command, "/x/prog");
		/* A block of the exact size shows reads beyond its end. */
		memcpy(text, data, size);
		if (f->parse_list(&s, text, size, size % 3, &e) < 0 && e.kind != ERR_LIST)
			abort();
		if (f->parse_ignored)
			f->parse_ignored(&s, text, size, 0);
		for (size_t k = 0; k < s.n_cases; k++) {
			autorelease(strv) struct strv argv = STRV_INIT;

			if (!*s.cases[k].name != (s.n_cases == 1 && !*s.cases[0].name))
				abort();
			if (k < 50 && suite_find_case(&s, s.cases[k].name) != &s.cases[k])
				abort();
			f->case_argv(&s, &s.cases[k], &argv);
			if (!*s.cases[k].name != !argv.len)
				abort();
		}
		suite_release(&s);
	}
	return 0;
}
