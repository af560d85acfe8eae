import { openOverlayfs } from '../../src/rootfs/overlayfs.ts'
import { snapshotterSuite } from '../conformance/snapshotter.ts'

snapshotterSuite('overlayfs', openOverlayfs)
