import { O_DIRECTORY, O_NOFOLLOW, O_PATH } from './constants.ts'
import { systemError } from './errno.ts'
import type { Sys } from './sys.ts'

const EINVAL = 22
const slash = 0x2f

/** Opens `path` below `dirfd` name by name: through no link, and never upwards. */
export function openStepwise(
  sys: Pick<Sys, 'openat' | 'close'>,
  dirfd: number,
  path: Uint8Array,
  flags: number,
  mode: number,
): number {
  const names = namesOf(path)
  const last = names.pop() ?? Buffer.from('.')
  if ([...names, last].some(name => name.equals(up))) throw systemError(EINVAL, 'openat', path)
  let at = dirfd
  try {
    for (const name of names) {
      const next = sys.openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW)
      if (at !== dirfd) sys.close(at)
      at = next
    }
    return sys.openat(at, last, flags | O_NOFOLLOW, mode)
  } finally {
    if (at !== dirfd) sys.close(at)
  }
}

const up = Buffer.from('..')

function namesOf(path: Uint8Array): Buffer[] {
  const names: Buffer[] = []
  const bytes = Buffer.from(path)
  for (let start = 0; start < bytes.length; ) {
    const next = bytes.indexOf(slash, start)
    const end = next < 0 ? bytes.length : next
    if (end > start) names.push(bytes.subarray(start, end))
    start = end + 1
  }
  return names
}
