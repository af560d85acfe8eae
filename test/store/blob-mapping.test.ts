import { after } from 'node:test'
import { openDb } from '../../src/store/db.ts'
import { lmdbBlobMapping } from '../../src/store/lmdb-blob-mapping.ts'
import { openMemoryBlobMapping } from '../../src/store/memory-blob-mapping.ts'
import { openRoot } from '../../src/store/root.ts'
import { blobMappingSuite } from '../conformance/blob-mapping.ts'
import { scratchDirectory } from './scratch.ts'

const db = openDb(openRoot(scratchDirectory()()))
after(() => db.close())

blobMappingSuite('lmdb', () => lmdbBlobMapping(db))
blobMappingSuite('memory', openMemoryBlobMapping)
