import { readFileSync } from 'node:fs'
import { machine } from 'node:os'

/** What this machine says of itself; `spec/platform-host` makes a platform of it. */
export interface MachineFacts {
  readonly os: string
  readonly architecture: string
  readonly machine: string
  readonly cpuinfo: string
}

export function machineFacts(): MachineFacts {
  return { os: process.platform, architecture: process.arch, machine: machine(), cpuinfo: readCpuinfo() }
}

function readCpuinfo(): string {
  // Only 32-bit ARM's variant is found there; elsewhere the file is long and says nothing that is needed.
  if (process.arch !== 'arm') return ''
  try {
    return readFileSync('/proc/cpuinfo', 'utf8')
  } catch {
    return ''
  }
}
