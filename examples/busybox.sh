#!/bin/sh
# busybox.sh [DIR]: the layer of the small examples in DIR (../build/layers/busybox): a static busybox and a passwd file.
set -eu
out=${1:-$(dirname "$0")/../build/layers/busybox}
[ ! -e "$out/bin/sh" ] || exit 0
busybox=$(command -v busybox) || { echo "busybox.sh: no busybox here: apt-get install busybox-static" >&2; exit 1; }
mkdir -p "$out/bin" "$out/etc" "$out/tmp" "$out/root"
chmod 1777 "$out/tmp"
cp "$busybox" "$out/bin/busybox"
"$out/bin/busybox" --install "$out/bin" # hard links, without a process for each
printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$out/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$out/etc/group"
