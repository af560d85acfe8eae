import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { repository } from '../../test/support/repository.ts'
import { type Peer, peers } from './peers.ts'

export interface Options {
  readonly reference: string
  readonly runs: number
  readonly scratch: string
  /** Directory on which results are mounted. */
  readonly view: string
  /** davit's command line. */
  readonly davit: string
  /** Those that are installed, and asked for. */
  readonly present: readonly Peer[]
}

/**
 * The command line of the benches that compare davit with its peers:
 *
 *     REFERENCE [--runs N] [--only NAME,…] [--scratch DIR] [--davit COMMAND] [--prefix 'chroot DIR']
 *     [--ctr 'ctr --address SOCKET'] [--docker 'docker --host SOCKET']
 *
 * DIR: where everything is stored; what is in it goes.
 */
export function readOptions(): Options {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      runs: { type: 'string', default: '3' },
      only: { type: 'string', default: '' },
      scratch: { type: 'string', default: '/tmp/davit-bench' },
      davit: { type: 'string', default: `${process.execPath} ${join(repository, 'dist/bin/main.js')}` },
      prefix: { type: 'string', default: '' },
      ctr: { type: 'string', default: 'ctr' },
      docker: { type: 'string', default: 'docker' },
    },
  })
  const [reference] = positionals
  if (reference === undefined) throw new TypeError('Say which image, as HOST/REPOSITORY:TAG')
  const { scratch, davit, ctr, docker } = values
  const view = join(scratch, 'view')
  mkdirSync(view, { recursive: true })
  const prefix = values.prefix === '' ? '' : `${values.prefix} `
  const only = values.only.split(',').filter(name => name !== '')
  const present = peers({ reference, scratch, view, davit, prefix, ctr, docker })
    .filter(({ name }) => only.length === 0 || only.includes(name))
    .filter(({ probe }) => shell(probe) === 0)
  return { reference, runs: Number(values.runs), scratch, view, davit, present }
}

/** Runs a command of which only the exit status matters. */
export function shell(command: string): number | null {
  return spawnSync('sh', ['-c', command], { stdio: ['ignore', 'ignore', 'ignore'] }).status
}
