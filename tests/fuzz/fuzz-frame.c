/* Any bytes into the frame reader: what comes out as a frame must be whole and must have
 * come in. */
#include "wire/wire.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame_reader *r = calloc(1, sizeof(*r));
	uint64_t framed = 0;
	size_t total = size;

	while (r && size) {
		struct wire_header h;
		const uint8_t *body;
		size_t room;
		uint8_t *to = frame_reader_room(r, &room);
		size_t n = 1 + data[0] % 97u;

		n = n < size ? n : size;
		n = n < room ? n : room;
		memcpy(to, data, n);
		frame_reader_add(r, n);
		data += n;
		size -= n;
		if (n == 13)
			frame_reader_resync(r);
		while (frame_reader_next(r, &h, &body)) {
			if (h.length > WIRE_BODY_MAX)
				abort();
			framed += WIRE_HEADER_SIZE + h.length;
		}
	}
	if (r && framed + r->skipped_bytes > total)
		abort();
	free(r);
	return 0;
}
