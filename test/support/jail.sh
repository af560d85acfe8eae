#!/bin/sh
# jail.sh SCRATCH COMMAND…: runs it where nothing but SCRATCH, an empty directory, can be written; devices there are dead.
# To be started in a mount namespace of its own: `unshare -m`.
set -eu
scratch=$1
shift
mount -t tmpfs -o nodev scratch "$scratch"
cut -d' ' -f5 /proc/self/mountinfo | while read -r point; do
  [ "$point" = "$scratch" ] || mount -o remount,bind,ro "$point" 2>/dev/null || true
done
# The last mount on a point is the one that counts.
if awk -v scratch="$scratch" '
  { options[$5] = $6 }
  END { for (point in options) if (point != scratch && options[point] !~ /^ro(,|$)/) { print point; open = 1 }; exit open }
' /proc/self/mountinfo >&2; then
  exec "$@"
fi
echo "not jailed" >&2
exit 70
