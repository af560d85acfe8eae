import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** A containerd of one's own. */
export interface Containerd {
  /** Its client's command. */
  readonly ctr: string
  /** Waits for the blob to be committed. */
  untilBlob(digest: string): Promise<void>
  /** Back to nothing. */
  reset(): void
  stop(): Promise<void>
}

/** `transfer`: settings of its transfer service. The daemon sees `directory` under the same name. */
export async function startContainerd(
  directory: string,
  prefix: string,
  transfer: Readonly<Record<string, number>> = {},
): Promise<Containerd> {
  mkdirSync(directory, { recursive: true })
  const socket = `${directory}/containerd.sock`
  const config = `${directory}/config.toml`
  const settings = Object.entries(transfer).map(([key, value]) => `  ${key} = ${value}\n`)
  writeFileSync(
    config,
    `version = 3
root = "${directory}/root"
state = "${directory}/state"
` +
      `disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"]
` +
      `[grpc]
  address = "${socket}"
[plugins."io.containerd.transfer.v1.local"]
${settings.join('')}`,
  )
  const [command = '', ...words] = [...prefix.split(' ').filter(word => word !== ''), 'containerd', '--config', config]
  const daemon = spawn(command, words, { stdio: 'ignore' })
  const ctr = `${prefix} ctr --address ${socket}`.trim()
  await until(() => existsSync(socket) && shell(`${ctr} version`) === 0)
  return {
    ctr,
    untilBlob: digest =>
      until(() => existsSync(`${directory}/root/io.containerd.content.v1.content/blobs/${digest.replace(':', '/')}`)),
    reset() {
      shell(`${ctr} images ls -q | xargs -r ${ctr} images rm --sync; ${ctr} content ls -q | xargs -r ${ctr} content rm`)
    },
    async stop() {
      daemon.kill()
      await once(daemon, 'exit')
    },
  }
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 6000; tries++) {
    if (isSo()) return
    await sleep(10)
  }
  throw new Error('containerd took longer than a minute')
}

function shell(command: string): number | null {
  return spawnSync('sh', ['-c', command], { stdio: 'ignore' }).status
}
