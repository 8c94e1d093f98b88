#include "filter/filter.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever is accepted has a canonical form that is accepted and stays as it is, and can
 * be evaluated; whatever is refused has a message. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct filter_subject subject = {.test = "a::b", .package = "json"};
	autofree char *text = xstrndup((const char *)data, size);
	autorelease(buf) struct buf first = BUF_INIT, second = BUF_INIT;
	struct err e = {0};
	struct filter *f = filter_parse(text, FILTER_COMMAND_LINE, &e), *g;
	enum filter_answer of_suite, of_case;

	if (!f) {
		if (e.kind != ERR_FILTER || !*e.msg)
			abort();
		return 0;
	}
	filter_print(f, &first);
	g = filter_parse(buf_str(&first), FILTER_COMMAND_LINE, &e);
	/* The canonical form can be longer than an expression may be. */
	if (g) {
		filter_print(g, &second);
		if (!streq(buf_str(&first), buf_str(&second)))
			abort();
	} else if (first.len < 60000) {
		abort();
	}
	of_suite = filter_eval_suite(f, &subject, &e);
	of_case = filter_eval_case(f, &subject, &e);
	if (of_case == FILTER_DEPENDS)
		abort();
	if (of_suite != FILTER_DEPENDS && of_suite != of_case &&
		of_case != FILTER_ERROR && of_suite != FILTER_ERROR)
		abort();
	filter_free(g);
	filter_free(f);
	return 0;
}
