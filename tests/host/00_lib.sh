# Sourced by the host tests: TAP, a work folder, a supervisor of one's own, and what is left behind.
#
#     . "$(dirname "$0")/00_lib.sh"
#     start_supervisor
#     try "apply succeeds" ctrsup apply "$work/stack.yaml"
#     is "it says hello" "$(ctrsup logs hello)" "hello"
#     finish
#
# Everything a test makes carries $tag in its name (it lies in $work, or below the cgroup root /$tag), so that tests run side
# by side and left_behind can tell what is whose. The exit trap ends and removes all of it, whatever happened.
set -u
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export CTRSUP_BIN=${CTRSUP_BIN:-$top/build/release/bin}
export PATH=$CTRSUP_BIN:$PATH LC_ALL=C.UTF-8 NO_COLOR=1
tag=ctrsup-t$$
work=$(mktemp -d "/var/tmp/$tag.XXXXXX") || exit 1
chmod 755 "$work"
tap_n=0 tap_failed=0
cleanups=()

[ "$(id -u)" = 0 ] || { echo "ok 1 - host tests # SKIP they need root"; rm -rf "$work"; exit 0; }

ok() {
        tap_n=$((tap_n + 1))
        echo "ok $tap_n - $1"
}

# not_ok DESCRIPTION [DETAIL...]
not_ok() {
        tap_n=$((tap_n + 1)) tap_failed=$((tap_failed + 1))
        echo "not ok $tap_n - $1"
        shift
        [ $# = 0 ] || printf '%s\n' "$@" | head -n 40 | sed 's/^/# /'
}

skip() { # DESCRIPTION REASON
        tap_n=$((tap_n + 1))
        echo "ok $tap_n - $1 # SKIP $2"
}

is() { # DESCRIPTION GOT WANTED
        if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "got:    $2" "wanted: $3"; fi
}

like() { # DESCRIPTION GOT REGEX
        if [[ $2 =~ $3 ]]; then ok "$1"; else not_ok "$1" "got:     $2" "to match: $3"; fi
}

# try DESCRIPTION CMD...: exits 0
try() {
        status "$1" 0 "${@:2}"
}

# status DESCRIPTION STATUS CMD...: exits with STATUS; its output is in $out
status() {
        local said=$1 wanted=$2 got
        shift 2
        out=$("$@" 2>&1)
        got=$?
        if [ "$got" = "$wanted" ]; then ok "$said"; else not_ok "$said" "status $got, wanted $wanted: $*" "$out"; fi
}

# within SECONDS CMD...: polls until CMD succeeds; in an emulated machine three times as long
within() {
        local end=$((SECONDS + ${CTRSUP_VM:+3 *} $1))
        shift
        until "$@" >/dev/null 2>&1; do
                [ "$SECONDS" -lt "$end" ] || return 1
                sleep 0.05
        done
}

finish() {
        echo "1..$tap_n"
        [ "$tap_failed" = 0 ]
        exit
}

# at_exit CMD...: run at the end, last one first
at_exit() { cleanups=("$*" "${cleanups[@]}"); }

# Pids of processes that carry $tag in their command line or cgroup (written so that the grep does not find itself).
tagged_pids() {
        grep -lsa -e "[c]${tag#c}" /proc/[0-9]*/cmdline /proc/[0-9]*/cgroup | cut -d/ -f3 | sort -un
}

tagged_cgroups() {
        find /sys/fs/cgroup -depth -type d -name "$tag*" 2>/dev/null | while read -r d; do find "$d" -depth -type d; done
}

tagged_mounts() {
        cat /proc/[0-9]*/mountinfo 2>/dev/null | awk -v tag="$tag" 'index($0, tag) { print $5, $NF }' | sort -u
}

# What exists of this test on the host, outside the supervisor's own processes and folders; "" when nothing.
left_behind() {
        tagged_cgroups | sed 's/^/cgroup /'
        tagged_mounts | sed 's/^/mount /'
        local p words
        for p in $(tagged_pids); do
                words=$({ tr '\0' ' ' <"/proc/$p/cmdline"; } 2>/dev/null) && [ -d "/proc/$p" ] && echo "process $p $words"
        done
}

on_exit() {
        local c p
        for c in "${cleanups[@]}"; do eval "$c" >/dev/null 2>&1; done
        { [ -z "${supervisor:-}" ] || { kill "$supervisor" && within 5 test ! -d "/proc/$supervisor"; }; } 2>/dev/null
        for p in $(tagged_pids); do kill -KILL "$p" 2>/dev/null; done
        within 5 no_tagged_pids
        tagged_cgroups | while read -r d; do rmdir "$d" 2>/dev/null; done
        awk -v w="$work" 'index($5, w) == 1 { print $5 }' /proc/self/mountinfo | sort -r | while read -r m; do umount -l "$m"; done
        rm -rf "$work"
}
no_tagged_pids() { [ -z "$(tagged_pids)" ]; }
trap on_exit EXIT
trap 'exit 143' TERM INT

# The root file system of the small tests: a static busybox. Sets $layer.
busybox_layer() {
        layer=$work/busybox
        "$top/examples/busybox.sh" "$layer"
}

# A supervisor of this test's own: its runtime and state folders and its cgroup root carry $tag. Clients find it by
# CTRSUP_SOCKET. Options are passed on; more settings go to $work/ctrsup.conf before.
start_supervisor() {
        mkdir -p "$work/run" "$work/state" "$work/stacks.d"
        [ -e "$work/ctrsup.conf" ] || : >"$work/ctrsup.conf"
        cat >>"$work/ctrsup.conf" <<-E
		cgroup = { root = "/$tag"; };
		paths = { stacks = "$work/stacks.d"; logs = "$work/logs"; };
		log = { target = "stderr"; level = "debug"; };
		control = { socket = "$work/run/ctrsup.sock"; };
		E
        again_supervisor "$@"
}

# Starts it once more, over what is there.
again_supervisor() {
        ctrsupd --config "$work/ctrsup.conf" --runtime "$work/run" --state "$work/state" "$@" >>"$work/supervisor.log" 2>&1 &
        supervisor=$!
        export CTRSUP_SOCKET=$work/run/ctrsup.sock
        within 10 ctrsup status --no-legend || { not_ok "the supervisor answers" "$(tail -n 20 "$work/supervisor.log")"; finish; }
}

stop_supervisor() {
        kill "$supervisor" && wait "$supervisor"
}

# field TARGET KEY: from status -o json, e.g. field hello/hello .state
field() {
        ctrsup status "$1" -o json | jq -r ".containers[0]$2"
}
