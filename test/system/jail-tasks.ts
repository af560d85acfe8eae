import { accessSync, constants, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { errnoOf } from '../../src/errors.ts'
import { openHostDirectory, openHostFile, procPath } from '../../src/system/jail.ts'
import { O_RDONLY } from '../../src/system/sys/constants.ts'
import { openSys } from '../../src/system/sys/linux.ts'
import type { Task } from '../../src/system/workers.ts'

export interface Places {
  readonly target: string
  readonly below: string
  readonly file: string
}

/** Names that each way of looking finds; an errno where there is nothing. */
export type Found = Readonly<Record<string, readonly string[] | string>>

/** Looks for ways out of a jail, as code that knows no care. */
export const look: Task<Places, never, never, Found> = { module: import.meta.url, name: lookTask.name }

export async function lookTask({ target, below, file }: Places): Promise<Found> {
  const [into, lower, blob] = [
    openHostDirectory(target),
    openHostDirectory(below, { readOnly: true }),
    openHostFile(file),
  ]
  const inTarget = (name: string) => procPath(into, Buffer.from(name))
  writeFileSync(inTarget('new'), '')
  symlinkSync('/', inTarget('absolute'))
  symlinkSync('../../../../../..', inTarget('climbing'))
  return {
    target: attempt(() => readdirSync(inTarget('.')).sort()),
    'above the target': attempt(() => readdirSync(inTarget('..')).sort()),
    'far above the target': attempt(() => readdirSync(inTarget('../../../..')).sort()),
    below: attempt(() => readdirSync(procPath(lower, Buffer.from('.')))),
    'above what is below': attempt(() => readdirSync(procPath(lower, Buffer.from('..')))),
    'a write below': attempt(() => writeFileSync(procPath(lower, Buffer.from('new')), '')),
    file: attempt(() => readFileSync(blob, 'utf8')),
    root: attempt(() => readdirSync('/')),
    'a write to the root': attempt(() => accessSync('/', constants.W_OK)),
    'target by its path': attempt(() => statSync(target)),
    'through an absolute link': attempt(() => readdirSync(inTarget('absolute/.'))),
    'through a climbing link': attempt(() => readdirSync(inTarget('climbing/.')).sort()),
    'the process': attempt(() => readdirSync('/proc')),
    'above its descriptors': attempt(() => readdirSync('..').filter(name => !/^\d+$/.test(name))),
    'by openat': attempt(() => openSys().close(openSys().openat(into, Buffer.from('../../../etc'), O_RDONLY))),
  }
}

function attempt(act: () => string[] | string | unknown): readonly string[] | string {
  try {
    const found = act()
    return typeof found === 'string' || Array.isArray(found) ? found : 'done'
  } catch (error) {
    return errnoOf(error) ?? String(error)
  }
}
