import type { Applier, ImageApplier } from '../rootfs/applier.ts'

/** An applier for one image, whose layers it all writes: whoever asks first starts it, whoever made it ends it. */
export interface SharedApplier extends Applier {
  close(): Promise<void>
}

export function shareApplier(applier: Applier): SharedApplier {
  let opened: ImageApplier | undefined
  return {
    open() {
      opened ??= applier.open()
      return opened
    },
    close: async () => opened?.close(),
  }
}
