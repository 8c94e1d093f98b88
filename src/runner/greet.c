#include "runner/greet.h"

#include "runner/board.h"
#include "runner/job.h"
#include "runner/journal.h"
#include "runner/serve.h"
#include "runner/stage.h"

#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

static void say_welcome(struct runner *r, bool resumed, bool recalls)
{
	const uint16_t one = 1;
	struct utsname name = {0};
	struct sysinfo info = {0};
	struct statvfs disk = {0};
	struct wire_welcome w = {
		.version = WIRE_VERSION,
		.features = serve_features() &
			    (r->stage ? ~0u : ~(uint32_t)WIRE_FEATURE_STORE),
		.session = r->session,
		.last_seen = r->link.seen,
		.resumed = resumed,
		.arch = name.machine,
		.kernel = name.release,
		.build_id = serve_build_id(),
		.work = stage_work(r->stage),
		.big_endian = *(const uint8_t *)&one == 0,
		.word_bits = 8 * sizeof(long),
		.page_size = (uint32_t)sysconf(_SC_PAGESIZE),
		.cpus = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN),
		.pid = (uint32_t)getpid(),
		.uid = (uint32_t)getuid(),
		.gid = (uint32_t)getgid(),
		.life = r->life,
		.recalls = recalls,
	};

	uname(&name);
	if (sysinfo(&info) == 0)
		w.memory_bytes = (uint64_t)info.totalram * info.mem_unit;
	if (w.work[0] && statvfs(w.work, &disk) == 0)
		w.disk_free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
	link_say(&r->link, WIRE_WELCOME, &w);
}

/* Nothing of what was before is known, but perhaps what the runner before this one wrote
 * down. True when that is to be told. */
static bool begin(struct runner *r, const struct wire_hello *hello)
{
	job_kill_all(r, true);
	link_init(&r->link, r->link.data, RUNNER_JOURNAL_SIZE);
	stage_forget(r->stage);
	r->session = hello->session;
	r->deaf = false;
	r->message_len = 0;
	if (!r->board)
		return false;
	if (hello->life && journal_is_of(&r->board->journal, hello->session))
		return true;
	journal_begin(&r->board->journal, hello->session);
	return false;
}

void greet_hello(struct runner *r, const struct wire_hello *hello)
{
	bool resumed = r->session == hello->session && hello->session &&
		       (!hello->life || hello->life == r->life),
	     recalls = false;

	board_hear(r);
	if (hello->version != WIRE_VERSION) {
		say_welcome(r, false, false);
		return;
	}
	if (!resumed) {
		recalls = begin(r, hello);
	} else {
		link_resume(&r->link);
		link_acked(&r->link, hello->last_seen);
	}
	r->silence_ms = hello->silence_ms;
	r->greeted = true;
	say_welcome(r, resumed, recalls);
	if (recalls)
		journal_recall(&r->board->journal, &r->link, hello->last_seen);
}
