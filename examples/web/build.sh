#!/bin/bash
# build.sh [DIR]: the layers of this example, from Debian packages, as three directories below DIR (../../build/layers):
# base (a minimal Debian), nginx and redis (only what they add to base). Needs root, mmdebstrap and a Debian mirror, which
# it takes from this machine's own apt sources.
#
# An upper layer is what overlayfs wrote while the package was installed on top of base: new and changed files, and a 0:0
# character device for each deleted one. That is the form in which ctrsup stacks directories.
set -eu
out=${1:-$(dirname "$0")/../../build/layers}
mkdir -p "$out"
out=$(cd "$out" && pwd)
export DEBIAN_FRONTEND=noninteractive
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
sources=/etc/apt/sources.list.d/debian.sources
[ -e "$sources" ] || sources=/etc/apt/sources.list

work=
cleanup() {
        [ -n "$work" ] || return 0
        umount -R "$work/root" 2>/dev/null || true
        rm -rf "$work"
}
trap cleanup EXIT

# layer NAME PACKAGE...: what PACKAGEs add to base
layer() {
        local name=$1
        shift
        [ ! -e "$out/$name" ] || return 0
        echo "layer $name: $*"
        work=$(mktemp -d "$out/.$name.XXXXXX")
        mkdir "$work/upper" "$work/work" "$work/root"
        mount -t overlay -o "lowerdir=$out/base,upperdir=$work/upper,workdir=$work/work" overlay "$work/root"
        cp /etc/resolv.conf "$work/root/etc/resolv.conf"
        printf '#!/bin/sh\nexit 101\n' >"$work/root/usr/sbin/policy-rc.d" # services are not started while installing
        chmod +x "$work/root/usr/sbin/policy-rc.d"
        mount -t proc proc "$work/root/proc"
        {
                chroot "$work/root" apt-get -qq update &&
                        chroot "$work/root" apt-get -qq install -y --no-install-recommends "$@" &&
                        chroot "$work/root" apt-get clean
        } >"$work/log" 2>&1 || { cat "$work/log" >&2 && exit 1; }
        umount "$work/root/proc"
        rm -rf "$work/root/usr/sbin/policy-rc.d" "$work/root/etc/resolv.conf" "$work/root"/var/lib/apt/lists/* "$work/root"/var/cache/apt/*.bin \
                "$work/root"/var/log/*.log "$work/root"/var/log/apt "$work/root"/tmp/*
        umount "$work/root"
        # What was only touched (lock files) is copied up all the same: not a difference.
        find "$work/upper" -type f -printf '%P\n' | while IFS= read -r f; do
                ! cmp -s "$work/upper/$f" "$out/base/$f" || rm "$work/upper/$f"
        done
        mv "$work/upper" "$out/$name"
        cleanup
        work=
}

if [ ! -e "$out/base" ]; then
        echo "layer base: Debian $suite"
        work=$(mktemp -d "$out/.base.XXXXXX")
        mmdebstrap --quiet --variant=apt --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
                --dpkgopt='path-exclude=/usr/share/locale/*' "$suite" "$work/root" "$sources"
        rm -f "$work/root/etc/resolv.conf" "$work/root/etc/hostname" # this machine's
        mv "$work/root" "$out/base"
        cleanup
        work=
fi
layer nginx nginx
layer redis redis-server
du -sh "$out/base" "$out/nginx" "$out/redis"
