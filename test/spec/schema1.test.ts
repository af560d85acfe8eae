import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { digestOf } from '../../src/spec/digest.ts'
import { parseSchema1 } from '../../src/spec/schema1.ts'
import { type Step, schema1Document } from '../support/schema1.ts'
import { encode, type Json } from './documents.ts'

const blobs = ['base', 'middle', 'top'].map(text => Buffer.from(text))
const steps: readonly Step[] = blobs.map(blob => ({ blob }))
const read = (of: readonly Step[], change?: (document: Json) => Json) =>
  parseSchema1(encode(schema1Document(of, change)))
const blobsOf = (of: readonly Step[]) => read(of).layers.map(({ blob }) => blob)
const [base, middle, top] = blobs.map(blob => digestOf(blob))

const refused: Readonly<Record<string, readonly [() => unknown, RegExp]>> = {
  'more layers than history': [
    () => read(steps, document => ({ ...document, history: (document['history'] as []).slice(1) })),
    /has 3 layers and the history of 2/,
  ],
  'more history than layers': [
    () => read(steps, document => ({ ...document, fsLayers: (document['fsLayers'] as []).slice(1) })),
    /has 2 layers and the history of 3/,
  ],
  'no layers': [() => read([]), /has no layers/],
  'schema version 2': [() => read(steps, document => ({ ...document, schemaVersion: 2 })), /schemaVersion is 2/],
  'a layer whose digest is none': [
    () => read(steps, document => ({ ...document, fsLayers: [{ blobSum: 'sha256:../x' }] })),
    /fsLayers.0.blobSum is not/,
  ],
  'history that is no JSON': [
    () => read([{}], document => ({ ...document, history: [{ v1Compatibility: '{' }] })),
    /v1Compatibility of a schema 1 manifest: not JSON/,
  ],
  'history that is no object': [
    () => read([{}], document => ({ ...document, history: [{ v1Compatibility: '[]' }] })),
    /v1Compatibility/,
  ],
  'history with one key twice': [
    () => read([{}], document => ({ ...document, history: [{ v1Compatibility: '{"os":"a","os":"b"}' }] })),
    /"os" comes twice/,
  ],
  'a layer without an ID': [() => read([{ config: { id: null } }]), /id is null/],
  'an ID that is a path': [() => read([{ config: { id: '../etc' } }]), /id is not an image ID/],
  'a base that stands on something': [() => read([{ parent: 'nowhere' }]), /not on nothing/],
  'a layer that stands on another than the one below': [
    () => read([{}, { parent: 'elsewhere' }]),
    /stands on [0-9a-f]{64}, not on [0-9a-f]{64}/,
  ],
  'a layer that comes again with others between': [
    () => read([{ name: 'a' }, { name: 'b' }, { name: 'a', parent: 'b' }]),
    /comes twice, with others between/,
  ],
}

describe('parseSchema1()', () => {
  test('turns what stands newest first', () => {
    assert.deepEqual(blobsOf(steps), [base, middle, top])
    assert.deepEqual(
      read(steps).layers.map(({ history }) => history.command.at(-1)),
      ['step 0', 'step 1', 'step 2'],
    )
  })

  test('takes a layer that is listed several times in a row once: the lowest', () => {
    const repeated = [
      { name: 'a', blob: blobs[0] },
      { name: 'a', blob: blobs[1] },
      { blob: blobs[2], parent: 'a' },
    ]
    assert.deepEqual(blobsOf(repeated as Step[]), [base, top])
  })

  test('keeps one blob in several layers', () => {
    assert.deepEqual(blobsOf([{ blob: blobs[0] }, { blob: blobs[1] }, { blob: blobs[0] }] as Step[]), [
      base,
      middle,
      base,
    ])
  })

  test('reads throwaway, author, comment, and a command of one text', () => {
    const config = { throwaway: true, author: 'ada', comment: 'why', container_config: { Cmd: 'all' } }
    const [layer] = read([{ config }]).layers
    assert.equal(layer?.isThrowaway, true)
    assert.deepEqual(layer?.history, {
      created: '2015-01-01T00:00:00Z',
      author: 'ada',
      comment: 'why',
      command: ['all'],
    })
  })

  for (const [what, [document, message]] of Object.entries(refused)) {
    test(`refuses ${what}`, () => {
      assert.throws(document, { code: 'MALFORMED', message })
    })
  }

  test('refuses more than 1,000 layers', () => {
    const many = Array.from({ length: 1001 }, () => ({}))
    assert.equal(read(many.slice(1)).layers.length, 1000)
    assert.throws(() => read(many), { code: 'LIMIT_EXCEEDED' })
  })
})
