import type { Platform } from '../../src/spec/platform.ts'
import { type BuiltImage, buildImage } from './image.ts'
import { tarOf } from './layers.ts'

/** One image a platform, each with a file that has the name of its architecture. */
export function platformImages(platforms: readonly Platform[]): readonly (readonly [BuiltImage, Platform])[] {
  return platforms.map(platform => {
    const layer = tarOf([{ path: platform.architecture, content: 'own' }])
    return [buildImage({ layers: [layer], platform }), platform]
  })
}
