# Sourced before the blocks of a page: one shell, as a reader has one. What goes wrong is left in
# $out/failed; each block's output in a file of its own.
set -eE
here='before the first block'
trap 'status=$?; [ $status -eq 0 ] || echo "$here" >"$out/failed"' EXIT

# A network and names of this page's own, where the system lets us: every port is free, and
# gate.lan and laptop.lan are other addresses than loopback.
if [ -n "$alone" ]; then
    python3 - <<'PYTHON'
import fcntl, socket, struct
config = socket.socket()
fcntl.ioctl(config, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x8))
for name, address in ((b"lo:1", "192.168.1.10"), (b"lo:2", "192.168.1.20")):
    family = struct.pack("16sHH4s8x", name, socket.AF_INET, 0, socket.inet_aton(address))
    fcntl.ioctl(config, 0x8916, family)
PYTHON
    mount --bind "$out/hosts" /etc/hosts
else
    # One page has the ports at a time. What it leaves in the background has the file open as well,
    # so the turn is over when that has ended.
    exec 9>"$turn"
    flock 9
fi

# said FILE WORDS PID: the process has written them there.
said() {
    exec {lines}< <(exec tail --pid="$3" -n +1 -f "$1")
    local tail=$! found=0
    timeout 40 grep -qF -m1 -e "$2" <&"$lines" || found=$?
    kill "$tail" 2>/dev/null || true
    exec {lines}<&-
    return $found
}

# Ends what was started in the background, as Ctrl-C does, and waits until it is gone.
ended() {
    local job
    for job in $(jobs -p); do
        kill -INT $(cat "/proc/$job/task/$job/children") 2>/dev/null || true
    done
    wait
}
