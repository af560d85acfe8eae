import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ImageError } from '../../errors.ts'
import { formatPlatform } from '../../spec/platform.ts'
import { formatReference, parseReference } from '../../spec/reference.ts'
import { command } from '../command.ts'
import { serveSample } from '../demo/registry.ts'
import { makeSample } from '../demo/sample.ts'
import { treeOf } from '../demo/tree.ts'
import { pullFlags } from '../flags.ts'
import { pullWith } from '../pull-images.ts'
import { watched } from '../watch.ts'

export const demo = command({
  description: 'Needs no network, no privilege and no store: everything is temporary.',
  arguments: {},
  flags: { progress: pullFlags.progress },
  async run(context, typed) {
    const sample = makeSample()
    const registry = await serveSample(sample)
    const root = await mkdtemp(join(tmpdir(), 'davit-demo-'))
    try {
      await context.write(
        `A registry on this machine serves a sample image for ${sample.platforms.map(formatPlatform).join(', ')}.\n` +
          `It takes its time, so that there is something to see.\n\n` +
          `$ davit pull ${registry.reference}\n`,
      )
      const parts = await context.open({ root, snapshotter: 'native' })
      const image = await watched(context, typed.progress, onProgress =>
        pullWith(parts, parseReference(registry.reference), { signal: context.signal, onProgress }),
      )
      const snapshotter = await parts.snapshotter()
      if (snapshotter === undefined || image.chainId === undefined) {
        throw new ImageError('UNSUPPORTED', 'Cannot show the sample: it was not unpacked', { what: 'demo' })
      }
      const [mount] = await snapshotter.view('demo', image.chainId)
      await context.write(
        `${formatReference({ ...image.reference, digest: image.target.digest })}\n\n` +
          `Fetched, verified and unpacked: ${image.layers.length} layers for ${formatPlatform(image.platform)}.\n\n` +
          `${mount === undefined ? '' : await treeOf(mount.source)}`,
      )
    } finally {
      await registry.close()
      await context.close()
      await rm(root, { recursive: true, force: true })
    }
    await context.write(
      `\nAll of that is gone again. Now with a real one (from a checkout, npm start -- stands for davit):\n` +
        `  davit pull alpine\n` +
        `  davit images ls\n` +
        `  davit unpack alpine ./alpine\n` +
        `  davit --help\n`,
    )
  },
})
