import { join } from 'node:path'
import { attempt } from './command.ts'
import { repository } from './repository.ts'

const program = join(repository, 'test/support/verify-store.py')

/**
 * What is wrong with a store, a line each, as a program says that shares no code with davit. `clean`: nothing of a broken
 * run may be left either.
 */
export function verifyStoreFiles(root: string, { clean = false } = {}): readonly string[] {
  const { status, stdout, stderr } = attempt('python3', program, root, ...(clean ? ['--clean'] : []))
  if (status !== 0 && status !== 1) throw new Error(`verify-store.py: ${stderr}`)
  if (stderr !== '') throw new Error(`verify-store.py: ${stderr}`)
  return stdout.split('\n').slice(0, -1)
}
