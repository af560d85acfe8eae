/** What a container finds around it, whatever its image: mounts, privileges, namespaces. */

/** OCI runtime-spec v1.0, "Mounts". */
export interface RuntimeMount {
  readonly destination: string
  readonly type: string
  readonly source: string
  readonly options?: readonly string[]
}

/** Docker's, which images are made for; none is inheritable or ambient (CVE-2022-24769). */
const capabilities = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'NET_RAW',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
].map(name => `CAP_${name}`)

export const privileges = {
  capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
  rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
  noNewPrivileges: true,
}

const secure = ['nosuid', 'noexec', 'nodev']

const sys: RuntimeMount = { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...secure, 'ro'] }
const cgroup: RuntimeMount = {
  destination: '/sys/fs/cgroup',
  type: 'cgroup',
  source: 'cgroup',
  options: [...secure, 'relatime', 'ro'],
}

/** A sysfs belongs to a network namespace, and an ordinary user has none of its own. */
const hostSys: RuntimeMount = { destination: '/sys', type: 'none', source: '/sys', options: ['rbind', ...secure, 'ro'] }
const hostResolver: RuntimeMount = {
  destination: '/etc/resolv.conf',
  type: 'bind',
  source: '/etc/resolv.conf',
  options: ['rbind', ...secure, 'ro'],
}

export function systemMounts({ rootless }: { readonly rootless: boolean }): readonly RuntimeMount[] {
  // Group 5 is tty, on the machine; an ordinary user can't give anything to it.
  const tty = rootless ? [] : ['gid=5']
  return [
    { destination: '/proc', type: 'proc', source: 'proc' },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', ...tty],
    },
    {
      destination: '/dev/shm',
      type: 'tmpfs',
      source: 'shm',
      options: [...secure, 'mode=1777', 'size=65536k'],
    },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: secure },
    ...(rootless ? [hostSys, hostResolver] : [sys, cgroup]),
  ]
}

/** Of the machine, and not for containers. As runc's `spec` has them. */
export const hidden = {
  maskedPaths: [
    '/proc/acpi',
    '/proc/asound',
    '/proc/kcore',
    '/proc/keys',
    '/proc/latency_stats',
    '/proc/timer_list',
    '/proc/timer_stats',
    '/proc/sched_debug',
    '/sys/firmware',
    '/proc/scsi',
  ],
  readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
}
