#!/bin/sh
# Boots an EROFS image that `davit export` wrote as the read-only root disk of an emulated machine, and prints what its
# own shell says there: `booted:` with the kernel, what is mounted as its root, and a checksum of its files.
#
#     tools/boot.sh IMAGE
#
# Debian's packages are enough: qemu-system-x86, busybox-static, cpio, kmod, linux-image-cloud-amd64 (installed, or
# unpacked under $KERNEL_ROOT). The image needs /bin/sh, find, sha256sum and the directories /proc and /dev.
set -eu

image=$(realpath "$1")
kernels=${KERNEL_ROOT:-}
kernel=$(ls "$kernels"/boot/vmlinuz-*-amd64 | tail -1)
version=${kernel##*/vmlinuz-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/bin" "$work/modules" "$work/proc" "$work/dev" "$work/new"
cp "$(command -v busybox)" "$work/bin/busybox"
depmod -b "${kernels:-/}" "$version"
# In the order in which they are to be loaded.
for module in virtio_pci virtio_blk erofs; do
  modprobe -d "${kernels:-/}" -S "$version" --show-depends "$module"
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' > "$work/order"
while read -r module; do
  cp "$module" "$work/modules/"
  basename "$module"
done < "$work/order" > "$work/modules/order"

# Runs from the image itself, its libraries and all.
inside='mount -t proc proc /proc
  echo "booted: Linux $(uname -r), $(cat /etc/debian_version 2>/dev/null || head -1 /etc/os-release)"
  grep " / " /proc/mounts
  echo "files: $(find / -xdev -type f | wc -l), sha256 of their sums: $(find / -xdev -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum)"
  echo o > /proc/sysrq-trigger
  sleep 60'
cat > "$work/init" <<END
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
while read -r module; do /bin/busybox insmod /modules/\$module; done < /modules/order
/bin/busybox mount -t erofs -o ro /dev/vda /new || { echo "no root"; /bin/busybox poweroff -f; }
/bin/busybox mount -t devtmpfs dev /new/dev
exec /bin/busybox switch_root -c /dev/console /new /bin/sh -c '$inside'
END
ln -s busybox "$work/bin/sh"
chmod +x "$work/init"
(cd "$work" && find bin modules proc dev new init | cpio --quiet -o -H newc | gzip -1) > "$work/initramfs"

timeout "${BOOT_TIMEOUT:-600}" qemu-system-x86_64 -m 512 -nographic -no-reboot -nic none \
  -kernel "$kernel" -initrd "$work/initramfs" -append 'console=ttyS0 quiet panic=-1' \
  -drive "file=$image,format=raw,if=virtio,readonly=on" < /dev/null | tr -d '\r' | grep --text -E '^(booted|files|no root)|/dev/' 
