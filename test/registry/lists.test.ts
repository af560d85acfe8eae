import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { openResolver } from '../../src/registry/client.ts'
import { type Digest, digestOf } from '../../src/spec/digest.ts'
import { mediaTypes } from '../../src/spec/media-types.ts'
import { reply, replyJson, startRegistry } from '../support/registry.ts'

async function opened(t: TestContext) {
  const registry = await startRegistry()
  const resolver = openResolver({ plainHttp: true, limits: { backoffMs: [] } })
  t.after(async () => {
    await resolver.close()
    await registry.close()
  })
  /** Answers the list below `path` in pages, of which each leads to the next. */
  const onPages = (path: string, all: readonly object[], link = (page: number) => `<?page=${page}>; rel="next"`) =>
    registry.on(path, (request, response) => {
      const page = Number(/page=(\d+)/.exec(request.url ?? '')?.[1] ?? 0)
      replyJson(response, 200, all[page] ?? {}, page + 1 < all.length ? { link: link(page + 1) } : {})
    })
  const subject = digestOf(Buffer.from('subject'))
  return { registry, resolver, onPages, subject, reference: { host: registry.host, repository: 'team/app' } }
}

test('tags() lists all pages, in order', async t => {
  const { registry, resolver, reference, onPages } = await opened(t)
  onPages('/tags/list', [{ name: 'team/app', tags: ['b', 'a'] }, { tags: null }, { tags: ['c'] }])
  assert.deepEqual(await resolver.tags(reference), ['b', 'a', 'c'])
  assert.deepEqual(
    registry.received.map(({ url }) => url),
    ['/v2/team/app/tags/list?n=1000', '/v2/team/app/tags/list?page=1', '/v2/team/app/tags/list?page=2'],
  )
})

for (const [how, link] of [
  ['with a path', () => '</v2/team/app/tags/list?page=1>; rel=next'],
  ['among other links', () => '<?page=9>; rel="prev", <?page=1>; title="x"; rel="next"'],
  ['with another path, of which only the query counts', () => '</v2/secret/tags/list?page=1>; rel="next"'],
] as const) {
  test(`tags() finds a next page that is given ${how}`, async t => {
    const { registry, resolver, reference, onPages } = await opened(t)
    onPages('/tags/list', [{ tags: ['a'] }, { tags: ['b'] }], link)
    assert.deepEqual(await resolver.tags(reference), ['a', 'b'])
    assert.ok(registry.received.every(({ url }) => url.startsWith('/v2/team/app/')))
  })
}

test('tags() does not follow a link to another host', async t => {
  const { resolver, reference, onPages } = await opened(t)
  const other = await startRegistry()
  t.after(() => other.close())
  onPages('/tags/list', [{ tags: ['a'] }, { tags: ['b'] }], () => `<${other.origin}/v2/x/tags/list?page=1>; rel="next"`)
  await assert.rejects(resolver.tags(reference), { code: 'INVALID_RESPONSE', message: /next page elsewhere/ })
  assert.equal(other.received.length, 0)
})

test('tags() ends when pages lead in a circle, or on and on', async t => {
  const { registry, resolver, reference, onPages } = await opened(t)
  onPages('/v2/team/app/', [{ tags: ['a'] }, { tags: ['b'] }, {}], () => '<?page=1>; rel="next"')
  await assert.rejects(resolver.tags(reference), { code: 'INVALID_RESPONSE', message: /circle/ })
  let count = 0
  registry.on('/v2/endless/', (_, response) =>
    replyJson(response, 200, { tags: ['a'] }, { link: `<?page=${count++}>; rel="next"` }),
  )
  await assert.rejects(resolver.tags({ ...reference, repository: 'endless' }), { code: 'LIMIT_EXCEEDED' })
  assert.equal(count, 1_000)
})

test('tags() refuses what is no list of tags, and pages without end', async t => {
  const { registry, resolver, reference } = await opened(t)
  for (const body of [
    '{"tags": ["a b"]}',
    '{"tags": ["\\u001b[31m"]}',
    '{"tags": {}}',
    '{"tags": [], "tags": []}',
    '[',
  ]) {
    registry.on('/tags/list', reply(200, {}, body), 1)
    await assert.rejects(resolver.tags(reference), { code: 'MALFORMED' }, body)
  }
  registry.on('/tags/list', reply(200, {}, ' '.repeat(5 << 20)), 1)
  await assert.rejects(resolver.tags(reference), { code: 'LIMIT_EXCEEDED' })
  registry.on('/tags/list', reply(404), 1)
  await assert.rejects(resolver.tags(reference), { code: 'NOT_FOUND', message: /list tags of team\/app/ })
})

function referrer(artifactType: string): object {
  const digest: Digest = digestOf(Buffer.from(artifactType))
  return { mediaType: mediaTypes.ociManifest, digest, size: 7, artifactType }
}
function index(...manifests: object[]): object {
  return { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }
}

test('referrers() lists all pages, and filters what the registry has not', async t => {
  const { registry, resolver, reference, onPages, subject } = await opened(t)
  onPages('/referrers/', [index(referrer('a/a'), referrer('b/b')), index(referrer('a/a'))])
  assert.equal((await resolver.referrers(reference, subject)).length, 3)
  registry.received.length = 0
  const found = await resolver.referrers(reference, subject, { artifactType: 'a/a' })
  assert.deepEqual(found, [referrer('a/a'), referrer('a/a')])
  assert.equal(registry.received[0]?.url, `/v2/team/app/referrers/${subject}?artifactType=a%2Fa`)
})

for (const status of [404, 405]) {
  test(`referrers() takes the tag of a registry that answers ${status}`, async t => {
    const { registry, resolver, reference, subject } = await opened(t)
    registry.on('/referrers/', reply(status))
    assert.deepEqual(await resolver.referrers(reference, subject), [])
    const tag = subject.replace(':', '-')
    registry.putManifest(index(referrer('a/a'), referrer('b/b')), { mediaType: mediaTypes.ociIndex, tags: [tag] })
    assert.deepEqual(await resolver.referrers(reference, subject, { artifactType: 'b/b' }), [referrer('b/b')])
  })
}

test('referrers() does not take a failure for none', async t => {
  const { registry, resolver, reference, subject } = await opened(t)
  for (const [status, code] of [
    [401, 'UNAUTHORIZED'],
    [500, 'UNAVAILABLE'],
  ] as const) {
    registry.on('/referrers/', reply(status), 1)
    await assert.rejects(resolver.referrers(reference, subject), { code })
  }
  registry.on('/referrers/', reply(200, {}, '{"schemaVersion":2,"layers":[]}'), 1)
  await assert.rejects(resolver.referrers(reference, subject), { code: 'MALFORMED' })
})
