import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatPlatform } from '../../src/spec/platform.ts'
import { type HostFacts, hostPlatform } from '../../src/spec/platform-host.ts'

const arm = (field: string, model = 'ARMv7 Processor rev 4 (v7l)', machine = 'armv7l'): HostFacts => ({
  os: 'linux',
  architecture: 'arm',
  machine,
  cpuinfo: `processor\t: 0\nmodel name\t: ${model}\nCPU architecture: ${field}\n\nprocessor\t: 1\nCPU architecture: 3\n`,
})

const bare = (machine: string): HostFacts => ({ os: 'linux', architecture: 'arm', machine })

const hosts: readonly (readonly [facts: HostFacts, written: string])[] = [
  [{ os: 'linux', architecture: 'x64' }, 'linux/amd64'],
  [{ os: 'linux', architecture: 'ia32' }, 'linux/386'],
  [{ os: 'linux', architecture: 'arm64' }, 'linux/arm64'],
  [{ os: 'linux', architecture: 'arm64', cpuinfo: 'CPU architecture: 8\n', machine: 'aarch64' }, 'linux/arm64'],
  [{ os: 'linux', architecture: 's390x' }, 'linux/s390x'],
  [{ os: 'linux', architecture: 'ppc64' }, 'linux/ppc64le'],
  [{ os: 'linux', architecture: 'riscv64' }, 'linux/riscv64'],
  [{ os: 'linux', architecture: 'loong64' }, 'linux/loong64'],
  [{ os: 'linux', architecture: 'mipsel' }, 'linux/mipsle'],
  [{ os: 'darwin', architecture: 'arm64' }, 'darwin/arm64'],
  [{ os: 'win32', architecture: 'x64' }, 'windows/amd64'],
  [{ os: 'sunos', architecture: 'x64' }, 'solaris/amd64'],
  [{ os: 'freebsd', architecture: 'x64' }, 'freebsd/amd64'],
  [arm('8', 'Cortex-A72', 'aarch64'), 'linux/arm/v8'],
  [arm('AArch64', 'Cortex-A72', 'aarch64'), 'linux/arm/v8'],
  [arm('7'), 'linux/arm/v7'],
  [arm('7M'), 'linux/arm/v7'],
  [arm('?(12)'), 'linux/arm/v7'],
  [arm('?(17)'), 'linux/arm/v7'],
  [arm('6TEJ'), 'linux/arm/v6'],
  [arm('5TEJ'), 'linux/arm/v5'],
  [arm('5TE'), 'linux/arm/v5'],
  [arm('4T'), 'linux/arm/v4'],
  [arm('3'), 'linux/arm/v3'],
  [arm('7', 'ARMv6-compatible processor rev 7 (v6l)', 'armv6l'), 'linux/arm/v6'],
  [arm('8', 'ARMv6-compatible processor rev 7 (v6l)'), 'linux/arm/v8'],
  // Emulated on another machine, /proc/cpuinfo is that machine's.
  [{ ...bare('armv6l'), cpuinfo: 'processor\t: 0\nmodel name\t: Intel(R) Xeon(R)\n' }, 'linux/arm/v6'],
  [bare('armv8l'), 'linux/arm/v8'],
  [bare('armv7l'), 'linux/arm/v7'],
  [bare('armv6l'), 'linux/arm/v6'],
  [bare('armv5tel'), 'linux/arm/v5'],
  [bare('aarch64'), 'linux/arm/v8'],
  [bare('ARMV6L'), 'linux/arm/v6'],
  [bare('386'), 'linux/arm/v7'],
  [bare('x86_64'), 'linux/arm/v7'],
  [bare(''), 'linux/arm/v7'],
]

for (const [facts, written] of hosts) {
  const { cpuinfo = '', ...rest } = facts
  const field = /CPU architecture: .*/.exec(cpuinfo)?.[0] ?? ''
  test(`hostPlatform() of ${Object.values(rest).join(' ')} ${field} is ${written}`, () => {
    assert.equal(formatPlatform(hostPlatform(facts)), written)
  })
}
