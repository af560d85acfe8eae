import { constants } from 'node:os'

const names = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]))
// Node's table lacks it: what mount(2) says of a file where it wants a block device.
names.set(15, 'ENOTBLK')

/** An error as Node's own file-system calls throw them, so that one `code` check serves both. */
export function systemError(errno: number, syscall: string, path?: Uint8Array | string): NodeJS.ErrnoException {
  const code = names.get(errno) ?? `errno ${errno}`
  const where = path === undefined ? '' : ` '${typeof path === 'string' ? path : Buffer.from(path).toString()}'`
  return Object.assign(new Error(`${code}: ${syscall}${where}`), { code, errno: -errno, syscall })
}
