# Sourced by run: the machines' images and their saved states, all below $cache.
#
#   base-SUITE-HASH.tar      what mmdebstrap made of the package list
#   image-SUITE-HASH/        vmlinuz, initrd, root.ext4; HASH is over this file and the package list
#     saved-HASH/            disk, memory: booted once up to where the agent waits; HASH is over QEMU's version and $memory
#
# Each is made once, under a lock, aside, and then renamed; what no run has used for three days is removed by the next build.
packages=systemd,systemd-sysv,dbus,udev,kmod,linux-image-cloud-amd64,busybox-static,iproute2,procps,strace,jq,e2fsprogs,util-linux-extra,make
# Started neither for a test nor by one: each costs seconds under emulation.
masked="apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer
 getty.target getty-static.service serial-getty@ttyS0.service serial-getty@ttyS1.service systemd-firstboot.service
 systemd-update-utmp.service systemd-update-utmp-runlevel.service systemd-pstore.service systemd-timesyncd.service
 systemd-networkd.service systemd-hwdb-update.service systemd-machine-id-commit.service ldconfig.service
 systemd-tpm2-setup.service systemd-tpm2-setup-early.service sys-kernel-debug.mount sys-kernel-tracing.mount"
cmdline="console=ttyS0 panic=-1 quiet audit=0 mitigations=off random.trust_cpu=on"

# The disks keep their sizes: a saved machine knows them.
in_size=256M out_size=64M data_size=512M

# machine ROOT IN OUT DATA: sets the array `machine`, the hardware that cold and saved machines share. Its second serial port
# is QEMU's own stdin and stdout.
machine() {
        machine=(qemu-system-x86_64 -accel "tcg,thread=multi,tb-size=512" -cpu max -smp 2 -m "$memory"
                -nodefaults -nographic -no-reboot -monitor none)
        local disk
        for disk in "root,$1,cache=unsafe" "in,$2,readonly=on" "out,$3,cache=unsafe" "data,$4,cache=writeback"; do
                machine+=(-drive "if=none,format=raw,id=${disk%%,*},file=${disk#*,}" -device "virtio-blk-pci,drive=${disk%%,*}")
        done
}

# The programs that live in the image. agent: wait for the host's word, unpack the work tree from the second disk, run the
# command, tell, power off. A resumed machine repeats the random numbers it was saved with, so it gets others; one with a disk that was
# there in an earlier life gets a boot id, too.
agent() {
        cat <<'A'
#!/bin/bash
exec </dev/ttyS1 >/dev/ttyS1 2>&1
stty raw -echo
if grep -q vm.save /proc/cmdline; then
        systemctl is-system-running --wait
        udevadm settle
        sync
fi >/dev/null
echo "vm: waiting"
read -r _ now megabytes
exec </dev/null
read -r waited _ </proc/uptime
date -s "@$now" >/dev/null
dd if=/dev/vdb bs=1M count="$megabytes" iflag=direct,fullblock status=none 2>/dev/null | tar -C /ctrsup -xf -
perl -e 'local $/; my $bytes = <STDIN>; open(my $r, "+<", "/dev/random") or die;
        ioctl($r, 0x40085203, pack("ii", 8 * length $bytes, length $bytes) . $bytes) or die; # RNDADDENTROPY
        ioctl($r, 0x5207, 0) or die; # RNDRESEEDCRNG' </ctrsup/.vm/random
if [ -e /ctrsup/.vm/boot_id ]; then
        mount --bind /ctrsup/.vm/boot_id /proc/sys/kernel/random/boot_id
        systemctl restart systemd-journald # it knows the old one
fi
read -r up _ </proc/uptime
echo "vm: up after $up s, $waited of them until the host's word"
cd /ctrsup && bash .vm/command
status=$?
journalctl --sync; journalctl -b -o short-monotonic --no-pager >/out/journal
tar -C /out -cf - . | dd of=/dev/vdc bs=1M iflag=fullblock oflag=direct conv=sync,notrunc status=none
echo "vm: exit $status"
sleep 0.2 # the serial port's last bytes
systemctl poweroff -ff >/dev/null 2>&1
A
}

agent_unit() {
        cat <<'A'
[Unit]
Description=runs the command under test
After=basic.target dbus.socket
[Service]
ExecStart=/usr/local/sbin/vm-agent
# Delegated so that tests may make cgroups below it.
Delegate=yes
KillMode=process
OOMScoreAdjust=-900
TasksMax=infinity
[Install]
WantedBy=multi-user.target
A
}

initrd_init() {
        cat <<'A'
#!/bin/busybox sh
b=/bin/busybox
$b mount -t devtmpfs dev /dev
$b mount -t sysfs sys /sys
$b mount -t proc proc /proc
for m in $($b cat /modules/order); do $b insmod /modules/$m; done
n=0
while [ ! -b /dev/vdd ] && [ $n -lt 200 ]; do $b usleep 20000; n=$((n + 1)); done
$b mount -t ext4 /dev/vda /new
for d in dev sys proc; do $b mount --move /$d /new/$d; done
exec $b switch_root /new /sbin/init
A
}

sources_uri() {
        local f=/etc/apt/sources.list.d/debian.sources
        [ -e "$f" ] && sed -n 's/^URIs: *//p' "$f" | head -n 1 && return
        awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /^http/) { print $i; exit } }' /etc/apt/sources.list
}

hash() { sha256sum | cut -c1-12; }

# once PATH CMD [ARG...]: unless PATH is there, CMD ARG... makes it in $1.new; one process at a time.
once() {
        local to=$1
        shift
        if [ ! -e "$to" ]; then
                (
                        flock 9
                        [ ! -e "$to" ] || exit 0
                        rm -rf "$to.new"
                        "$1" "$to.new" "${@:2}" && mv "$to.new" "$to"
                ) 9>"$cache/lock" || return 1
        fi
        touch -c "$to"
}

make_base() { # TO SUITE
        find "$cache" -mindepth 1 -maxdepth 1 -mtime +3 ! -name lock -exec rm -rf {} +
        mmdebstrap --quiet --variant=minbase --include="$packages" --dpkgopt='path-exclude=/usr/share/doc/*' \
                --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' --format=tar \
                "$2" - "$(sources_uri)" >"$1"
}

make_image() { # TO BASE
        local dir=$1 root=$1/root m
        mkdir -p "$root"
        tar -C "$root" -xf "$2" && mv "$root"/boot/vmlinuz-* "$dir/vmlinuz" || return 1
        rm -f "$root"/boot/initrd*
        agent >"$root/usr/local/sbin/vm-agent"
        chmod 755 "$root/usr/local/sbin/vm-agent"
        agent_unit >"$root/etc/systemd/system/vm-agent.service"
        mkdir -p "$root/etc/systemd/system/multi-user.target.wants" "$root/var/log/journal" "$root/ctrsup" "$root/out"
        ln -s ../vm-agent.service "$root/etc/systemd/system/multi-user.target.wants/"
        ln -sf /lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"
        for m in $masked; do ln -sf /dev/null "$root/etc/systemd/system/$m"; done
        echo vm >"$root/etc/hostname"
        echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
        : >"$root/etc/fstab"
        make_initrd "$dir/initrd" "$root" && truncate -s 3G "$dir/root.ext4" &&
                mke2fs -q -t ext4 -O ^has_journal -E lazy_itable_init=1,nodiscard -d "$root" "$dir/root.ext4" && rm -rf "$root"
}

make_initrd() { # TO ROOT: busybox and what the disks need
        local d=$1.d version f m
        version=$(ls "$2/lib/modules")
        mkdir -p "$d"/{bin,dev,proc,sys,new,modules}
        cp "$2/bin/busybox" "$d/bin/"
        for m in virtio_pci virtio_blk; do
                modprobe -d "$2" -S "$version" --show-depends "$m" 2>/dev/null | awk '$1 == "insmod" { print $2 }'
        done | awk '!seen[$0]++' | while read -r f; do
                m=$(basename "${f%.xz}")
                case $f in *.xz) xz -dc "$f" ;; *) cat "$f" ;; esac >"$d/modules/$m"
                echo "$m" >>"$d/modules/order"
        done
        initrd_init >"$d/init"
        chmod 755 "$d/init"
        mknod "$d/dev/console" c 5 1
        (cd "$d" && find . | cpio -o -H newc --quiet -R 0:0) >"$1" && rm -rf "$d"
}

# Boots the image and has QEMU write its memory down when the agent waits. The disk is what it has become by then.
make_saved() { # TO IMAGE
        local dir=$1 pid said='' rc=1
        mkdir -p "$dir"
        cp --sparse=always "$2/root.ext4" "$dir/disk"
        truncate -s "$in_size" "$dir/in"
        truncate -s "$out_size" "$dir/out"
        truncate -s "$data_size" "$dir/data"
        mkfifo "$dir/monitor.in" "$dir/monitor.out" "$dir/go"
        exec 6<>"$dir/monitor.in" 7<>"$dir/monitor.out" 8<>"$dir/go"
        machine "$dir/disk" "$dir/in" "$dir/out" "$dir/data"
        "${machine[@]}" -kernel "$2/vmlinuz" -initrd "$2/initrd" -append "$cmdline vm.save" -serial "file:$dir/console" \
                -chardev stdio,id=said,signal=off -serial chardev:said \
                -chardev "pipe,id=monitor,path=$dir/monitor" -mon monitor <"$dir/go" >"$dir/said" 2>"$dir/qemu" 9>&- &
        pid=$!
        trap "kill -KILL $pid 2>/dev/null" EXIT
        if until_true 240 "$pid" grep -qa '^vm: waiting' "$dir/said"; then
                # Not stopped before: the copy would stay stopped.
                printf 'migrate_set_parameter max-bandwidth 8G\nmigrate "exec:cat >%s/memory"\n' "$dir" >&6
                until_true 120 "$pid" migrated && rc=0
        fi
        kill -KILL "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
        trap - EXIT
        exec 6>&- 7>&- 8>&-
        rm -f "$dir"/{in,out,data,monitor.in,monitor.out,go}
        return $rc
}
migrated() {
        local line
        echo "info migrate" >&6
        while read -r -t 0.3 line <&7; do [[ $line != *"status: completed"* ]] || return 0; done
        return 1
}

# until_true SECONDS PID CMD...: polls CMD while PID lives
until_true() {
        local end=$((SECONDS + $1)) pid=$2
        shift 2
        until "$@"; do
                kill -0 "$pid" 2>/dev/null && [ "$SECONDS" -lt "$end" ] || return 1
                sleep 0.05
        done
}

# image SUITE: prints the folder of the image
image() {
        local base dir
        mkdir -p "$cache"
        base=$cache/base-$1-$(echo "$packages" | hash).tar
        dir=$cache/image-$1-$(cat - "${BASH_SOURCE[0]}" <<<"$packages" | hash)
        [ -e "$dir" ] || once "$base" make_base "$1" || die "cannot build $1"
        once "$dir" make_image "$base" || die "cannot build $1"
        echo "$dir"
}

# saved IMAGE: prints the folder of the saved state; fails when there can be none
saved() {
        local dir
        dir=$1/saved-$({ qemu-system-x86_64 --version; echo "$memory"; } | hash)
        once "$dir" make_saved "$1" >&2 && echo "$dir"
}
