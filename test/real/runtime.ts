import { chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command } from '../support/command.ts'

export type Runtime = 'crun' | 'runc'

/** Runs a shell script in the root file system at `root` with an OCI runtime; answers its stdout. */
export function runInside(runtime: Runtime, root: string, script: string): string {
  const bundle = mkdtempSync(join(tmpdir(), 'davit-bundle-'))
  try {
    command(runtime, 'spec', '--bundle', bundle)
    const path = join(bundle, 'config.json')
    const config = JSON.parse(readFileSync(path, 'utf8')) as { process: object; root: object }
    const process = { ...config.process, terminal: false, args: ['/bin/sh', '-c', script] }
    writeFileSync(path, JSON.stringify({ ...config, process, root: { path: root, readonly: true } }))
    return runBundle(runtime, bundle)
  } finally {
    rmSync(bundle, { recursive: true, force: true })
  }
}

/**
 * Runs a bundle's process to its end, as root or as the ordinary user `uid`; answers its stdout.
 *
 * In a mount namespace of its own with one cgroup hierarchy: crun refuses machines that have both kinds.
 */
export function runBundle(runtime: Runtime, bundle: string, uid = 0): string {
  const cgroups = 'umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup'
  const state = mkdtempSync(join(tmpdir(), 'davit-runtime-'))
  try {
    chownSync(state, uid, uid)
    const user = uid === 0 ? '' : `setpriv --reuid ${uid} --regid ${uid} --clear-groups `
    const manager = runtime === 'crun' ? '--cgroup-manager=disabled ' : ''
    const run = `${user}${runtime} --root ${state} ${manager}run --bundle ${bundle} davit-${containerId()}`
    return command('unshare', '-m', 'sh', '-c', `${cgroups}; exec ${run}`)
  } finally {
    rmSync(state, { recursive: true, force: true })
  }
}

let runs = 0
function containerId(): string {
  runs += 1
  return `${process.pid}-${runs}`
}
