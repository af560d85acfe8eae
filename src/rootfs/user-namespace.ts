import { readFileSync } from 'node:fs'

/** Whether this process lives in a user namespace of its own: its root is then not the machine's. */
export function inUserNamespace(): boolean {
  // The initial one maps every id to itself (user_namespaces(7)).
  return !/^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'))
}
