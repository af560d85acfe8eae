import { command } from '../command.ts'
import { fillFlags, fillFromImage, imageAndDir, isResumed, pullsFirst } from '../fill-from-image.ts'

export const unpack = command({
  description: `${pullsFirst} Only files that are left of all layers are written. The layers’ uncompressed tars stay in the store too, until davit gc, unless an EROFS snapshot needs them.`,
  arguments: imageAndDir,
  flags: fillFlags,
  onInterrupt: isResumed,
  run: (context, typed) =>
    fillFromImage(context, typed, { snapshotter: 'none' }, ({ unpack, directory }) => unpack(directory)),
})
