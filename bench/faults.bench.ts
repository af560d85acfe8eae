/**
 * What davit and other pullers make of registries that misbehave: a table, a line a fault.
 *
 * usage: node build/bench/faults.bench.js [--only NAME,…] [--fault TEXT] [--prefix 'chroot DIR'] [--scratch DIR]
 *        [--ctr 'ctr --address SOCKET'] [--containerd DIR]
 *
 * `image`: pulled, and every blob is right. `refused`: an error. `gives up`: an error where the image could be had.
 * `accepted`: no error where there should be one. `WRONG`: no error, and blobs are missing or wrong. `HANGS`: nothing
 * for 45 seconds. `LEAKS`: a host was sent a credential that isn't its own. `asked X`: went where it should not.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { beside } from '../test/support/command.ts'
import { type Lab, openLab } from '../test/support/wire/lab.ts'
import { askedOf, sampleNamed } from '../test/support/wire/sample.ts'
import { type Fault, faults } from './support/faults.ts'
import { missing, type Puller, pullers } from './support/pullers.ts'
import { table } from './support/statistics.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    fault: { type: 'string', default: '' },
    prefix: { type: 'string', default: '' },
    scratch: { type: 'string', default: '/tmp/davit-bench' },
    ctr: { type: 'string', default: 'ctr' },
    containerd: { type: 'string', default: '/var/lib/containerd' },
  },
})
const hangSeconds = 45
const words = (text: string) => text.split(' ').filter(word => word !== '')
const place = { prefix: words(values.prefix), ctr: words(values.ctr), containerd: values.containerd }
const tools = pullers(place).filter(({ name }) => values.only === '' || values.only.split(',').includes(name))
mkdirSync(values.scratch, { recursive: true })

const rows: string[][] = []
for (const fault of faults.filter(({ name }) => name.includes(values.fault))) {
  const cells: string[] = []
  for (const tool of tools) cells.push(await cellFor(fault, tool))
  rows.push([fault.name, ...cells])
  console.error([fault.name, ...cells].join('  '))
}
console.log(table([['fault', ...tools.map(({ name }) => name)], ...rows]))

async function cellFor(fault: Fault, tool: Puller): Promise<string> {
  const directory = mkdtempSync(join(values.scratch, 'faults-'))
  const lab = await openLab({ directory })
  try {
    lab.serve(sampleNamed(directory))
    await fault.given(lab, askedOf(lab.image))
    return await verdict(lab, fault, tool)
  } finally {
    const [file = '', ...rest] = tool.clean?.(lab) ?? ['true']
    await beside(file, rest)
    await lab.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function verdict(lab: Lab, { right, offLimits }: Fault, tool: Puller): Promise<string> {
  const begun = performance.now()
  const { status, said } = await pull(lab, tool)
  const seconds = (performance.now() - begun) / 1000
  const notes = lab.leaks().flatMap(name => (name === 'registry' ? [] : [`LEAKS to ${name}`]))
  if (offLimits !== undefined && (lab.hosts.get(offLimits)?.requests.length ?? 0) > 0) notes.push(`asked ${offLimits}`)
  if (said.includes('\x1b[2J')) notes.push('passes control characters on')
  if (seconds > 10) notes.push(`${Math.round(seconds)} s`)
  return [outcome(status, right, missing(lab, tool.blobs(lab))), ...notes].join(', ')
}

function outcome(status: number | null, right: Fault['right'], wrong: number): string {
  if (status === null) return 'HANGS'
  if (status !== 0) return right === 'image' ? 'gives up' : 'refused'
  if (wrong > 0) return 'WRONG'
  return right === 'image' ? 'image' : 'accepted'
}

/** Status null when it had to be killed. */
async function pull(lab: Lab, tool: Puller): Promise<{ readonly status: number | null; readonly said: string }> {
  const [file = '', ...rest] = tool.pull(lab)
  const child = spawn(file, rest, {
    env: { ...process.env, DOCKER_CONFIG: lab.docker },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-100_000)
    })
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), hangSeconds * 1000)
  const [status] = await once(child, 'close')
  clearTimeout(timer)
  return { status, said }
}
