import { openErofs } from '../../../src/rootfs/erofs/snapshotter.ts'
import { snapshotterSuite } from '../../conformance/snapshotter.ts'

snapshotterSuite('erofs', openErofs, 'layers')
