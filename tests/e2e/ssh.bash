# Boards for the end-to-end tests: OpenSSH's server and dropbear on loopback, the box, and the bad network before them.
# A bed is a folder with `key`, `known_hosts`, `config` (for --ssh-config; the board is called "board" in it), `port`,
# `log`, `cache`, which is where the board's side finds XDG_CACHE_HOME, and `home`: what this user's shell does when it
# starts is none of ours (there are rc files that wait for a minute).

PATH=$PATH:/usr/sbin:/sbin

free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Processes that were started on this bed's board, whatever became of their parents.
bed_processes() { # DIR
	alive "XDG_CACHE_HOME=$1/cache"
}

bed_make() { # DIR
	mkdir -p "$1/cache" "$1/home"
	chmod 700 "$1" "$1/cache" "$1/home"
	[ -e "$1/key" ] || ssh-keygen -q -t ed25519 -N '' -C bed -f "$1/key"
	[ -e "$1/host_key" ] || ssh-keygen -q -t ed25519 -N '' -C host -f "$1/host_key"
	cp "$1/key.pub" "$1/authorized_keys"
	: >"$1/known_hosts"
}

bed_know() { # DIR PORT: the board is also there
	echo "[127.0.0.1]:$2 $(cut -d' ' -f1,2 "$1/host_key.pub")" >>"$1/known_hosts"
}

bed_config() { # DIR
	cat >"$1/config" <<-END
		Host board
			HostName 127.0.0.1
			Port $(cat "$1/port")
			User $(id -un)
		Host *
			IdentityFile $1/key
			IdentitiesOnly yes
			UserKnownHostsFile $1/known_hosts
			GlobalKnownHostsFile /dev/null
			StrictHostKeyChecking yes
	END
}

bed_answers() { # DIR
	ssh -F "$1/config" -o BatchMode=yes -o ConnectTimeout=5 board true 2>>"$1/client.log"
}

# OpenSSH's server for this user; more lines of its configuration as further words. What stands in `bed_mounts` is done
# first, in a mount namespace of its own.
sshd_start() { # DIR [LINE…]
	local dir=$1 try sshd pid around=()

	shift
	need sshd openssh-server
	need ssh openssh-client
	need python3 python3
	sshd=$(command -v sshd)
	bed_make "$dir"
	if [ -n "${bed_mounts:-}" ]; then
		[ "$(id -u)" = 0 ] || skip "only root may mount for a board on loopback"
		around=(unshare -m sh -ec "$bed_mounts; exec \"\$@\"" sh)
	fi
	[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
	for try in 1 2 3 4 5; do
		free_port >"$dir/port"
		cat >"$dir/sshd_config" <<-END
			ListenAddress 127.0.0.1:$(cat "$dir/port")
			HostKey $dir/host_key
			PidFile none
			AuthorizedKeysFile $dir/authorized_keys
			StrictModes no
			UsePAM no
			PermitRootLogin yes
			PasswordAuthentication no
			KbdInteractiveAuthentication no
			MaxStartups 100
			MaxSessions 100
			LogLevel VERBOSE
			SetEnv XDG_CACHE_HOME=$dir/cache HOME=$dir/home
		END
		printf '%s\n' "$@" >>"$dir/sshd_config"
		timeout 1800 "${around[@]}" "$sshd" -D -e -f "$dir/sshd_config" >>"$dir/log" 2>&1 3>&- </dev/null &
		pid=$!
		echo "$pid" >"$dir/pid"
		bed_know "$dir" "$(cat "$dir/port")"
		bed_config "$dir"
		if try_until 60 0.25 bed_up "$dir" "$pid" >/dev/null && bed_answers "$dir"; then
			return
		fi
		kill "$pid" 2>/dev/null || true
	done
	skip "sshd lets nobody in here: $(tail -n 1 "$dir/log")"
}

# The listener is there, or it has ended.
bed_up() { # DIR PID
	! kill -0 "$2" 2>/dev/null || bash -c ": </dev/tcp/127.0.0.1/$(cat "$1/port")" 2>/dev/null
}

# dropbear takes keys from the user's home only, so it gets a mount namespace with a home of its own.
dropbear_start() { # DIR
	local dir=$1 pid home

	need dropbear dropbear-bin
	need ssh openssh-client
	need python3 python3
	[ "$(id -u)" = 0 ] || skip "only root may give dropbear a home of its own"
	home=$(getent passwd root | cut -d: -f6)
	bed_make "$dir"
	mkdir -p "$dir/home/.ssh"
	chmod 700 "$dir/home/.ssh"
	cp "$dir/key.pub" "$dir/home/.ssh/authorized_keys"
	rm -f "$dir/host_key.dropbear"
	dropbearkey -t ed25519 -f "$dir/host_key.dropbear" >/dev/null 2>&1
	dropbearkey -y -f "$dir/host_key.dropbear" | grep '^ssh-' >"$dir/host_key.pub"
	free_port >"$dir/port"
	XDG_CACHE_HOME=$dir/cache timeout 1800 unshare -m sh -c \
		'mount --bind "$1/home" "$2" && exec dropbear -F -E -e -s -p "127.0.0.1:$3" -r "$1/host_key.dropbear"' \
		sh "$dir" "$home" "$(cat "$dir/port")" >>"$dir/log" 2>&1 3>&- </dev/null &
	pid=$!
	echo "$pid" >"$dir/pid"
	bed_know "$dir" "$(cat "$dir/port")"
	bed_config "$dir"
	try_until 60 0.25 bed_up "$dir" "$pid" >/dev/null && bed_answers "$dir" ||
		skip "dropbear lets nobody in here: $(tail -n 1 "$dir/log")"
}

# Ends the server, and whatever its board still runs.
bed_stop() { # DIR
	local pid

	for pid in "$1"/pid "$1"/*/pid; do
		[ ! -e "$pid" ] || kill "$(cat "$pid")" 2>/dev/null || true
	done
	for pid in $(bed_processes "$1"); do
		kill -9 "$pid" 2>/dev/null || true
	done
}

board_url() { # DIR
	echo "ssh://$(id -un)@127.0.0.1:$(cat "$1/port")"
}

# A bad network before the board of DIR: its folder is DIR/NAME, and DIR/NAME/port its port. For the words see
# tests/board/proxy.py.
proxy_start() { # DIR NAME [OPTION…]
	local dir=$1 name=$2

	shift 2
	need python3 python3
	mkdir -p "$dir/$name"
	rm -f "$dir/$name/port"
	"$top_srcdir/tests/board/proxy.py" --to "127.0.0.1:$(cat "$dir/port")" --folder "$dir/$name" --life 1800 "$@" \
		>"$dir/$name/log" 2>&1 3>&- </dev/null &
	echo $! >"$dir/$name/pid"
	try_until 100 0.1 test -s "$dir/$name/port"
	bed_know "$dir" "$(cat "$dir/$name/port")"
}

proxied_url() { # DIR NAME
	echo "ssh://$(id -un)@127.0.0.1:$(cat "$1/$2/port")"
}

# One of the figures of a proxy that is ended for it: up, down, connections, cuts, stalls, left.
proxy_end() { # DIR NAME
	local pid

	pid=$(cat "$1/$2/pid")
	kill "$pid" 2>/dev/null || true
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.05
	done
	rm -f "$1/$2/pid"
}

proxy_figure() { # DIR NAME FIGURE
	jq -r ".$3" "$1/$2/count"
}

# A project of scripts that append their name to FILE on the board, and what each does beside that: N cases.
counting_project() { # DIR N FILE COMMAND
	mkdir -p "$1"
	# The line is appended in one write, so that cases beside each other do not mix theirs.
	program "$1/case.sh" "echo \"\$1\" >>'$3'; $4"
	jq -n --argjson n "$2" '{adapter: "manifest", suites: [range($n) |
		{name: "case\(.)", command: ["./case.sh", "\(.)"], platform: "target"}]}' >"$1/xtest.json"
}

# Every case of 0 to N-1 stands in the file once.
ran_once() { # FILE N
	diff <(seq 0 $(($2 - 1)) | LC_ALL=C sort) <(LC_ALL=C sort "$1")
}

# What is left on the board of this bed: the journal is empty, no work, no runner.
board_is_idle() { # DIR
	local pid

	for pid in $(bed_processes "$1"); do
		case $(cat "/proc/$pid/comm" 2>/dev/null) in
		'' | dropbear | sshd | timeout) ;;
		*) return 1 ;;
		esac
	done
	[ ! -s "$1/cache/xtest/journal" ]
}

# A project whose cases count themselves like counting_project()'s, print 24 KB that are told from each other, and
# fail in every fourth case.
talking_project() { # DIR N FILE SECONDS
	counting_project "$1" "$2" "$3" "
i=0
while [ \$i -lt 400 ]; do
	echo \"case \$1 line \$i: what it has to say is long enough to be cut\"
	i=\$((i + 1))
done
sleep $4
[ \$((\$1 % 4)) != 0 ]"
}

# What became of each case, and all it printed.
results() { # FILE
	jq -cS 'select(.event == "case-end" and .final) | [.suite, .verdict, .attempt, .exit_code, .signal, .stdout, .stderr]' \
		"$1" | LC_ALL=C sort
}

# One run of the talking project through the proxy of that name, which must be as one without it.
same_as_uncut() { # DIR NAME N
	status=0
	: >"$1/count"
	timeout 900 xtest --target "$(uname -m)" --ssh-config "$1/config" --on "$(proxied_url "$1" "$2")" \
		--report jsonl="$1/$2.jsonl" --report human >"$1/$2.out" 2>&1 || status=$?
	proxy_end "$1" "$2"
	[ "$status" = 100 ] || {
		echo "exit code $status"
		tail -n 40 "$1/$2.out"
		return 1
	}
	ran_once "$1/count" "$3"
	results "$1/$2.jsonl" | cmp "$1/uncut.results" -
	eventually board_is_idle "$1"
}

# The uncut run they are compared with, and how many bytes it took.
uncut_run() { # DIR N SECONDS
	talking_project "$1/project" "$2" "$1/count" "$3"
	cd "$1/project"
	proxy_start "$1" uncut
	status=0
	: >"$1/count"
	timeout 300 xtest --target "$(uname -m)" --ssh-config "$1/config" --on "$(proxied_url "$1" uncut)" \
		--report jsonl="$1/uncut.jsonl" --report human >"$1/uncut.out" 2>&1 || status=$?
	proxy_end "$1" uncut
	[ "$status" = 100 ] || {
		echo "exit code $status"
		tail -n 40 "$1/uncut.out"
		return 1
	}
	ran_once "$1/count" "$2"
	results "$1/uncut.jsonl" >"$1/uncut.results"
	[ "$(wc -l <"$1/uncut.results")" = "$2" ]
	bytes=$(($(proxy_figure "$1" uncut up) + $(proxy_figure "$1" uncut down)))
}
