#include "framework/framework.h"
#include "framework/tap-parse.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte chooses how the program ended; the rest is what it printed. Whatever
 * that is, points are counted as they are kept, and no stream with a failed point, with a
 * failing status or cut short passes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct suite suite = {.skip_code = -1};
	struct outcome o = {.kind = END_EXIT};
	struct judgement j = {0};
	struct tap_parse t = {0};

	if (!size)
		return 0;
	o.kind = data[0] & 1 ? END_SIGNAL : END_EXIT;
	o.code = o.kind == END_SIGNAL ? 11 : (data[0] >> 1) % 3;
	buf_append(&o.out, data + 1, size - 1);
	tap_parse(o.out.data, o.out.len, data[0] & 128 ? TAP_PARSE_CMOCKA : 0, &t, &j);
	if (t.failed + t.skipped > t.total)
		abort();
	for (size_t i = 0; i < j.n_points; i++)
		if (!*j.points[i].name)
			abort();
	judgement_release(&j);
	tap_parse_release(&t);
	tap_parse(o.out.data, o.out.len, 0, &t, &j);
	judgement_release(&j);
	framework_judge(&framework_tap, &suite, NULL, &o, &j);
	if (j.verdict == VERDICT_PASS &&
		(o.kind != END_EXIT || o.code || t.failed || t.fault || !t.has_plan ||
			t.total != t.planned || t.bailed_out))
		abort();
	if (verdict_is_failure(j.verdict) && !j.reason)
		abort();
	judgement_release(&j);
	tap_parse_release(&t);
	outcome_release(&o);
	return 0;
}
