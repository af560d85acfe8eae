import { openNative } from '../../src/rootfs/native.ts'
import { snapshotterSuite } from '../conformance/snapshotter.ts'

snapshotterSuite('native', openNative)
