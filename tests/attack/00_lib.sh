# Sourced by the attacks, after which each is a host test with more: what an attack must not touch (host_state), a layer with
# the attacker in it (attack_layer), and a launcher that falls for it (naive).
#
# Every attack is tried twice: against a naive launcher (kit/naive.c), where it must succeed, else it proves nothing; and
# against ctrsup. Around the latter stands `unharmed`: nothing of the host has changed, every task of the containers is in its
# cgroup, the control socket answers. Where a naive launcher has nothing to attack, the test says so.
#
# ATTACK_FLIPS (300): what is tried how often grows with it; for the launches of a race it is the count itself.
. "$(dirname "${BASH_SOURCE[0]}")/../host/00_lib.sh"
kit=$CTRSUP_BIN/../attack/kit
probes=${CTRSUP_PROBE:-$top/build/release/probe}
flips=${ATTACK_FLIPS:-300}
canary=$work/canary

# Sets $layer: busybox, the probe and the attacker.
attack_layer() {
        busybox_layer
        cp "$kit/hostile" "$probes/probe" "$layer/bin/"
        mkdir -p "$canary/dir"
        echo "canary:x:4711:4711::/:/bin/sh" >"$canary/passwd"
        echo alive >"$canary/dir/file"
        chmod -R go+rwX "$canary"
}

# A root for the naive launcher, which writes to it: $root
naive_root() {
        root=$work/naive.$1
        cp -a "$layer" "$root"
}

# In the background, as container NAME: what it said is in $work/NAME.naive, its first process in $naive.
naive_start() { # NAME [OPTION...] ROOT CMD...
        "$kit/naive" "${@:2}" >"$work/$1.naive" 2>&1 </dev/null &
        naive_launcher=$!
        naive=''
        naive_runs() { naive=$(pgrep -P "$naive_launcher") && ! grep -qa naive "/proc/$naive/cmdline"; }
        within 5 naive_runs
}
naive_stop() {
        kill -KILL "$naive" "$naive_launcher"
        wait "$naive_launcher"
} 2>/dev/null

# All that no container may change, as text.
host_state() {
        find "$canary" -printf '%P %y%m %U:%G %s %l\n' | sort
        find "$canary" -type f -exec sha256sum {} + | sort
        find / /etc /root /dev /usr/local /boot -xdev -maxdepth 1 -printf '%p %y%m\n' | sort
        sha256sum "$CTRSUP_BIN"/ctrsup* | sort
        grep -H . /proc/sys/kernel/{core_pattern,modprobe,hostname,sysrq,randomize_va_space} /proc/sys/vm/overcommit_memory \
                /sys/fs/cgroup/*/release_agent /sys/kernel/mm/transparent_hugepage/enabled 2>/dev/null
        ls /proc/sys/fs/binfmt_misc 2>/dev/null
        awk '$5 !~ "^/(var/)?tmp/" { print "mount", $5, $NF }' /proc/self/mountinfo
}

# Tasks in a pid namespace of one of the supervisor's containers that are not below its cgroups.
strays() {
        local own ns p
        own=$(readlink /proc/self/ns/pid)
        ns=$(for p in $(ctrsup status -o json 2>/dev/null | jq '.containers[].pid // empty'); do readlink "/proc/$p/ns/pid"; done |
                sort -u | grep -vxF "$own")
        [ -n "$ns" ] || return 0
        find /proc/[0-9]*/ns/pid -printf '%p %l\n' 2>/dev/null | grep -F "$ns" | cut -d/ -f3 | while read -r p; do
                grep -qs "^0::.*/$tag/" "/proc/$p/cgroup" || [ ! -d "/proc/$p" ] || echo "task $p is at $(grep ^0:: "/proc/$p/cgroup")"
        done
}

# watch_host: before the attacks; unharmed DESCRIPTION: after one.
watch_host() { host_before=$(host_state); }
unharmed() {
        local now stray start took
        now=$(host_state) stray=$(strays)
        start=${EPOCHREALTIME/./}
        ctrsup status --no-legend >/dev/null 2>&1 || stray+=" the control socket does not answer"
        took=$((${EPOCHREALTIME/./} - start))
        [ "$took" -lt 2000000 ] || [ -n "${CTRSUP_VM:-}" ] || stray+=" the control socket took $took us"
        if [ "$now" = "$host_before" ] && [ -z "$stray" ]; then
                ok "$1: the host is unharmed"
        else
                not_ok "$1: the host is unharmed" "$(diff <(echo "$host_before") <(echo "$now"))" "$stray"
        fi
        host_before=$now
}

# bites DESCRIPTION CMD...: the attack on the naive launcher succeeded
bites() {
        if "${@:2}"; then ok "it bites: $1"; else not_ok "it bites: $1" "$(tail -n 5 "$work"/*.naive 2>/dev/null)"; fi
}
canary_is_touched() { [ "$(host_state)" != "$host_before" ]; }

# What a container said, by the file logger.
said() { cat "$work/logs/$1.1.log" 2>/dev/null; }
breaches() { said "$1" | grep -a BREACH | sort | uniq -c | head -n 5; }
