import { mkdirSync, rmdirSync } from 'node:fs'
import { davitOn } from '../support/davit.ts'

/** Mounts an image of a store, looks, and unmounts. */
export function mountedFrom<T>(root: string, reference: string, look: (target: string) => T): T {
  const davit = davitOn(root)
  const target = `${root}-mounted`
  mkdirSync(target)
  davit.run('mount', reference, target)
  try {
    return look(target)
  } finally {
    davit.run('umount', target)
    rmdirSync(target)
  }
}
