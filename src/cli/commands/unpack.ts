import { resolve } from 'node:path'
import type { TotalEvent } from '../../progress/events.ts'
import { parsePlatform } from '../../spec/platform-parse.ts'
import { formatReference, parseReference } from '../../spec/reference.ts'
import { applyLayers, isThere } from '../apply-layers.ts'
import { command } from '../command.ts'
import { platformFlag, pullFlags } from '../flags.ts'
import { pullWith } from '../pull-images.ts'
import { lockTimeoutOf, registryOf } from '../typed.ts'
import { watched } from '../watch.ts'

export const unpack = command({
  description: 'An image that isn’t here is pulled first. DIR must be empty, or not there yet.',
  arguments: { ref: { summary: 'Image, as in docker pull' }, dir: { summary: 'Directory for its files' } },
  flags: { ...platformFlag, ...pullFlags },
  onInterrupt: 'what was fetched is kept, run the same command to go on',
  async run(context, typed) {
    const reference = parseReference(typed.ref)
    const platform = typed.platform === undefined ? undefined : parsePlatform(typed.platform, context.host)
    const lockTimeout = lockTimeoutOf(typed.lockTimeout)
    const directory = resolve(typed.dir)
    await isThere(directory)
    const parts = await context.open({
      snapshotter: 'none',
      ...(await registryOf(context, [reference], typed)),
    })
    const { signal } = context

    await watched(context, typed.progress, async onProgress => {
      let total: TotalEvent = {
        type: 'total',
        reference: formatReference(reference),
        state: 'running',
        downloaded: 0,
        toDownload: 0,
        resumed: 0,
        unpacked: 0,
        toUnpack: 0,
        reused: 0,
      }
      const image = await pullWith(parts, reference, {
        ...(platform === undefined ? {} : { platform }),
        ...lockTimeout,
        policy: 'missing',
        signal,
        onProgress(event) {
          // The pull is half of the work: its end isn't the end.
          if (event.type === 'total') total = { ...event, state: event.state === 'done' ? 'running' : event.state }
          onProgress(event.type === 'total' ? total : event)
        },
      })
      await applyLayers(parts, image, directory, { signal, onProgress, total })
    })
  },
})
