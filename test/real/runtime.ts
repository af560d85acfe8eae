import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command } from '../support/command.ts'

/**
 * Runs a shell script in the root file system at `root` with an OCI runtime; answers its stdout.
 *
 * In a mount namespace of its own with one cgroup hierarchy: crun refuses machines that have both kinds.
 */
export function runInside(runtime: 'crun' | 'runc', root: string, script: string): string {
  const bundle = mkdtempSync(join(tmpdir(), 'davit-bundle-'))
  try {
    command(runtime, 'spec', '--bundle', bundle)
    const path = join(bundle, 'config.json')
    const config = JSON.parse(readFileSync(path, 'utf8')) as { process: object; root: object }
    const process = { ...config.process, terminal: false, args: ['/bin/sh', '-c', script] }
    writeFileSync(path, JSON.stringify({ ...config, process, root: { path: root, readonly: true } }))
    const cgroups = 'umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup'
    const manager = runtime === 'crun' ? '--cgroup-manager=disabled ' : ''
    const run = `${runtime} ${manager}run --bundle ${bundle} davit-${containerId()}`
    return command('unshare', '-m', 'sh', '-c', `${cgroups}; exec ${run}`)
  } finally {
    rmSync(bundle, { recursive: true, force: true })
  }
}

let runs = 0
function containerId(): string {
  runs += 1
  return `${process.pid}-${runs}`
}
