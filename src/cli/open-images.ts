import type { ImageSource } from '../archive/source/source.ts'
import type { SourceSpec } from '../archive/source/spec.ts'
import type { Quotas } from '../layer/quota.ts'
import type { Parts } from '../parts.ts'
import type { Platform } from '../spec/platform.ts'
import type { Context } from './context.ts'

/** A file or directory of images, as the command line names it. The caller closes it. Errors: those of `openSource`. */
export async function openImages(
  { host, stdin, signal }: Context,
  parts: Parts,
  spec: SourceSpec,
  { platform = host, ...quotas }: { readonly platform?: Platform | undefined; readonly quotas?: Partial<Quotas> },
): Promise<ImageSource> {
  const { openSource } = await import('../archive/source/open.ts')
  const { openScratchFile } = await import('../store/scratch-file.ts')
  const layout = await parts.layout()
  return openSource(spec, { platform, scratch: () => openScratchFile(layout), stdin, ...quotas, signal })
}
