#include "runner/limits.h"

#include "runner/flow.h"

#include <signal.h>

void limits_signal(struct job *j, int signal)
{
	if (j->state == JOB_RUNNING)
		kill(j->own_group ? -j->pid : j->pid, signal);
	/* A process stopped by its terminal or a test cannot end otherwise. */
	if (j->state == JOB_RUNNING && signal == SIGTERM)
		kill(j->own_group ? -j->pid : j->pid, SIGCONT);
}

void limits_kill(struct job *j)
{
	limits_signal(j, SIGKILL);
	cage_kill(&j->cage);
}

static void end(struct job *j, int64_t now)
{
	j->strike_due_ms = 0;
	if (j->grace_ms) {
		limits_signal(j, SIGTERM);
		j->kill_due_ms = now + j->grace_ms;
	} else {
		limits_kill(j);
	}
}

/* Without room for the message it is ended without notice. */
static void strike(struct runner *r, struct job *j, uint32_t kind, int64_t now)
{
	const struct wire_struck struck = {kind};

	j->timeout = kind;
	if (j->notice_ms && !j->mute &&
		link_send(&r->link, WIRE_STRUCK, j->id, &struck) == 0)
		j->strike_due_ms = now + j->notice_ms;
	else
		end(j, now);
}

void limits_end_notice(struct job *j, int64_t now)
{
	if (j->strike_due_ms)
		end(j, now);
}

void limits_check(struct runner *r, struct job *j, int64_t now)
{
	/* While we do not read, silence is not the job's. */
	if (j->idle_ms && !flow_has_room(r))
		j->heard_ms = now;
	if (j->kill_due_ms && now >= j->kill_due_ms) {
		j->kill_due_ms = now + 1000;
		limits_kill(j);
	}
	if (j->strike_due_ms && now >= j->strike_due_ms)
		end(j, now);
	if (j->timeout)
		return;
	if (j->wall_ms && now - j->start_us / 1000 >= j->wall_ms) {
		strike(r, j, WIRE_END_WALL, now);
	} else if (j->idle_ms && now - j->heard_ms >= j->idle_ms) {
		strike(r, j, WIRE_END_IDLE, now);
	} else if (j->cpu_ms && now >= j->cpu_due_ms) {
		j->cpu_due_ms = now + LIMITS_LOOK_MS;
		if (cage_cpu_ms(&j->cage) >= j->cpu_ms)
			strike(r, j, WIRE_END_CPU, now);
	}
}

void limits_sooner(int64_t *wait, int64_t due, int64_t now)
{
	int64_t left = due > now ? due - now : 0;

	if (*wait < 0 || left < *wait)
		*wait = left;
}

void limits_plan(const struct job *j, int64_t now, int64_t *wait)
{
	if (j->paused_ms)
		return;
	if (j->kill_due_ms)
		limits_sooner(wait, j->kill_due_ms, now);
	if (j->strike_due_ms)
		limits_sooner(wait, j->strike_due_ms, now);
	if (j->timeout)
		return;
	if (j->wall_ms)
		limits_sooner(wait, j->start_us / 1000 + j->wall_ms, now);
	if (j->idle_ms)
		limits_sooner(wait, j->heard_ms + j->idle_ms, now);
	if (j->cpu_ms)
		limits_sooner(wait, j->cpu_due_ms, now);
}
