import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ImageError } from '../../src/errors.ts'
import { familiarReference, formatReference, parseReference } from '../../src/spec/reference.ts'

const hex = '0123456789abcdef'.repeat(4)
const sha256 = `sha256:${hex}`
const sha512 = `sha512:${hex}${hex}`
const long = (length: number) => 'a'.repeat(length)

/** What people type, in full, and in short. */
const accepted: readonly (readonly [typed: string, full: string, short: string])[] = [
  // Docker Hub, official images.
  ['alpine', 'docker.io/library/alpine:latest', 'alpine:latest'],
  ['alpine:3.22', 'docker.io/library/alpine:3.22', 'alpine:3.22'],
  ['alpine:latest', 'docker.io/library/alpine:latest', 'alpine:latest'],
  [`alpine@${sha256}`, `docker.io/library/alpine@${sha256}`, `alpine@${sha256}`],
  [`alpine@${sha512}`, `docker.io/library/alpine@${sha512}`, `alpine@${sha512}`],
  [`alpine:3@${sha256}`, `docker.io/library/alpine:3@${sha256}`, `alpine:3@${sha256}`],
  ['library/alpine', 'docker.io/library/alpine:latest', 'alpine:latest'],
  ['docker.io/alpine', 'docker.io/library/alpine:latest', 'alpine:latest'],
  ['docker.io/library/alpine', 'docker.io/library/alpine:latest', 'alpine:latest'],
  ['index.docker.io/alpine', 'docker.io/library/alpine:latest', 'alpine:latest'],
  ['index.docker.io/library/alpine:3', 'docker.io/library/alpine:3', 'alpine:3'],
  ['docker.io/alpine:3', 'docker.io/library/alpine:3', 'alpine:3'],
  [`index.docker.io/alpine@${sha256}`, `docker.io/library/alpine@${sha256}`, `alpine@${sha256}`],
  // Docker Hub, other people's images.
  ['user/app', 'docker.io/user/app:latest', 'user/app:latest'],
  ['user/app:1', 'docker.io/user/app:1', 'user/app:1'],
  ['docker.io/user/app', 'docker.io/user/app:latest', 'user/app:latest'],
  ['index.docker.io/user/app', 'docker.io/user/app:latest', 'user/app:latest'],
  ['library/foo/bar', 'docker.io/library/foo/bar:latest', 'library/foo/bar:latest'],
  ['docker.io/library/foo/bar', 'docker.io/library/foo/bar:latest', 'library/foo/bar:latest'],
  ['foo/library/bar', 'docker.io/foo/library/bar:latest', 'foo/library/bar:latest'],
  ['a/b/c/d/e/f', 'docker.io/a/b/c/d/e/f:latest', 'a/b/c/d/e/f:latest'],
  ['docker/docker', 'docker.io/docker/docker:latest', 'docker/docker:latest'],
  ['library', 'docker.io/library/library:latest', 'library:latest'],
  ['library/library', 'docker.io/library/library:latest', 'library:latest'],
  // One word is never a host.
  ['localhost', 'docker.io/library/localhost:latest', 'localhost:latest'],
  ['localhost:5000', 'docker.io/library/localhost:5000', 'localhost:5000'],
  ['docker.io', 'docker.io/library/docker.io:latest', 'docker.io:latest'],
  ['ghcr.io', 'docker.io/library/ghcr.io:latest', 'ghcr.io:latest'],
  ['test.com:8080', 'docker.io/library/test.com:8080', 'test.com:8080'],
  [`sha256:${hex}`, `docker.io/library/sha256:${hex}`, `sha256:${hex}`],
  [hex.slice(1), `docker.io/library/${hex.slice(1)}:latest`, `${hex.slice(1)}:latest`],
  [`${hex}0`, `docker.io/library/${hex}0:latest`, `${hex}0:latest`],
  [`user/${hex}`, `docker.io/user/${hex}:latest`, `user/${hex}:latest`],
  [`${hex}:1`, `docker.io/library/${hex}:1`, `${hex}:1`],
  [`docker.io/${hex}`, `docker.io/library/${hex}:latest`, `${hex}:latest`],
  // Other registries.
  ['ghcr.io/a/b', 'ghcr.io/a/b:latest', 'ghcr.io/a/b:latest'],
  ['ghcr.io/a/b:1', 'ghcr.io/a/b:1', 'ghcr.io/a/b:1'],
  ['gcr.io/alpine', 'gcr.io/alpine:latest', 'gcr.io/alpine:latest'],
  ['quay.io/library/alpine', 'quay.io/library/alpine:latest', 'quay.io/library/alpine:latest'],
  ['registry.k8s.io/pause:3.10', 'registry.k8s.io/pause:3.10', 'registry.k8s.io/pause:3.10'],
  [
    'mcr.microsoft.com/windows/nanoserver:ltsc2022',
    'mcr.microsoft.com/windows/nanoserver:ltsc2022',
    'mcr.microsoft.com/windows/nanoserver:ltsc2022',
  ],
  [
    'public.ecr.aws/docker/library/alpine',
    'public.ecr.aws/docker/library/alpine:latest',
    'public.ecr.aws/docker/library/alpine:latest',
  ],
  [
    'registry-1.docker.io/library/alpine',
    'registry-1.docker.io/library/alpine:latest',
    'registry-1.docker.io/library/alpine:latest',
  ],
  ['hub.docker.io/alpine', 'hub.docker.io/alpine:latest', 'hub.docker.io/alpine:latest'],
  ['1.2.3.4/x', '1.2.3.4/x:latest', '1.2.3.4/x:latest'],
  ['127.0.0.1:5000/x:1', '127.0.0.1:5000/x:1', '127.0.0.1:5000/x:1'],
  ['[::1]/x', '[::1]/x:latest', '[::1]/x:latest'],
  ['[::1]:5000/x', '[::1]:5000/x:latest', '[::1]:5000/x:latest'],
  ['[2001:db8::1]:443/x/y:t', '[2001:db8::1]:443/x/y:t', '[2001:db8::1]:443/x/y:t'],
  ['[2001:DB8::1]/x', '[2001:DB8::1]/x:latest', '[2001:DB8::1]/x:latest'],
  ['host:5000/x', 'host:5000/x:latest', 'host:5000/x:latest'],
  ['host:65535/x', 'host:65535/x:latest', 'host:65535/x:latest'],
  [`host:5000/x@${sha256}`, `host:5000/x@${sha256}`, `host:5000/x@${sha256}`],
  [`host:5000/x:1@${sha256}`, `host:5000/x:1@${sha256}`, `host:5000/x:1@${sha256}`],
  ['host:0/x', 'host:0/x:latest', 'host:0/x:latest'],
  ['localhost/x', 'localhost/x:latest', 'localhost/x:latest'],
  ['localhost/x/y:1', 'localhost/x/y:1', 'localhost/x/y:1'],
  ['localhost:5000/x', 'localhost:5000/x:latest', 'localhost:5000/x:latest'],
  ['docker.io:443/x', 'docker.io:443/x:latest', 'docker.io:443/x:latest'],
  // A first component in upper case can only be a host.
  ['HOST/x', 'HOST/x:latest', 'HOST/x:latest'],
  ['Host/x/y', 'Host/x/y:latest', 'Host/x/y:latest'],
  ['LOCALHOST/x', 'LOCALHOST/x:latest', 'LOCALHOST/x:latest'],
  ['FOO.com/x', 'FOO.com/x:latest', 'FOO.com/x:latest'],
  ['Docker.io/alpine', 'Docker.io/alpine:latest', 'Docker.io/alpine:latest'],
  // Hosts: labels.
  ['a.b.c.d.e/x', 'a.b.c.d.e/x:latest', 'a.b.c.d.e/x:latest'],
  ['xn--n3h.com/myimage:xn--n3h.com', 'xn--n3h.com/myimage:xn--n3h.com', 'xn--n3h.com/myimage:xn--n3h.com'],
  ['foo--bar.com/x', 'foo--bar.com/x:latest', 'foo--bar.com/x:latest'],
  ['0.0/x', '0.0/x:latest', '0.0/x:latest'],
  [
    'b.gcr.io/test.example.com/my-app',
    'b.gcr.io/test.example.com/my-app:latest',
    'b.gcr.io/test.example.com/my-app:latest',
  ],
  // Repositories: separators.
  ['a.b', 'docker.io/library/a.b:latest', 'a.b:latest'],
  ['a_b', 'docker.io/library/a_b:latest', 'a_b:latest'],
  ['a__b', 'docker.io/library/a__b:latest', 'a__b:latest'],
  ['a-b', 'docker.io/library/a-b:latest', 'a-b:latest'],
  ['a---b', 'docker.io/library/a---b:latest', 'a---b:latest'],
  ['a-b_c.d__e', 'docker.io/library/a-b_c.d__e:latest', 'a-b_c.d__e:latest'],
  ['xn--7o8h/x', 'docker.io/xn--7o8h/x:latest', 'xn--7o8h/x:latest'],
  ['foo_bar/x', 'docker.io/foo_bar/x:latest', 'foo_bar/x:latest'],
  ['0/1/2', 'docker.io/0/1/2:latest', '0/1/2:latest'],
  ['x/a.b.c', 'docker.io/x/a.b.c:latest', 'x/a.b.c:latest'],
  ['x/foo_bar.com:8080', 'docker.io/x/foo_bar.com:8080', 'x/foo_bar.com:8080'],
  ['test.com/repo/sub-path__x.y:tag', 'test.com/repo/sub-path__x.y:tag', 'test.com/repo/sub-path__x.y:tag'],
  // A short form that would be read as a host stays long.
  ['docker.io/localhost/x', 'docker.io/localhost/x:latest', 'docker.io/localhost/x:latest'],
  ['docker.io/a.b/c', 'docker.io/a.b/c:latest', 'docker.io/a.b/c:latest'],
  ['index.docker.io/docker.io/x', 'docker.io/docker.io/x:latest', 'docker.io/docker.io/x:latest'],
  // Tags.
  ['x:0', 'docker.io/library/x:0', 'x:0'],
  ['x:_', 'docker.io/library/x:_', 'x:_'],
  ['x:_a.b-c', 'docker.io/library/x:_a.b-c', 'x:_a.b-c'],
  ['x:V1.0-RC', 'docker.io/library/x:V1.0-RC', 'x:V1.0-RC'],
  ['x:a..b', 'docker.io/library/x:a..b', 'x:a..b'],
  ['x:a--', 'docker.io/library/x:a--', 'x:a--'],
  ['x:Uppercase', 'docker.io/library/x:Uppercase', 'x:Uppercase'],
  [`x:${long(128)}`, `docker.io/library/x:${long(128)}`, `x:${long(128)}`],
  // Lengths: the repository counts, the host doesn't.
  [`h.io/${long(255)}`, `h.io/${long(255)}:latest`, `h.io/${long(255)}:latest`],
  [`h.io/${long(127)}/${long(127)}`, `h.io/${long(127)}/${long(127)}:latest`, `h.io/${long(127)}/${long(127)}:latest`],
  [long(247), `docker.io/library/${long(247)}:latest`, `${long(247)}:latest`],
]

/** What isn't a reference, and a word of the reason. */
const refused: readonly (readonly [typed: string, reason: RegExp])[] = [
  ['', /is empty/],
  [' ', /white space/],
  ['alpine ', /white space/],
  [' alpine', /white space/],
  ['al pine', /white space/],
  ['alpine\n', /white space/],
  ['alpine:3\n', /white space/],
  ['https://docker.io/library/alpine', /is a URL/],
  ['http://localhost:5000/x', /is a URL/],
  ['docker://alpine', /is a URL/],
  ['HTTPS://ghcr.io/a/b', /is a URL/],
  ['://x', /not a registry host/],
  [hex, /64 hex digits/],
  // Upper case.
  ['Alpine', /lower case/],
  ['alPine:3', /lower case/],
  ['user/App', /lower case/],
  ['ghcr.io/User/app', /lower case/],
  ['docker.io/Library/alpine', /lower case/],
  ['FOO/BAR', /lower case/],
  ['HOST/X:1', /lower case/],
  ['ALPINE:LATEST', /lower case/],
  ['a/İ', /not a repository/],
  ['foo/foo_bar.com/Upper:tag', /lower case/],
  // Components.
  ['/x', /not a repository/],
  ['x/', /not a repository/],
  ['/', /not a repository/],
  ['//', /not a repository/],
  ['x//y', /not a repository/],
  ['ghcr.io/', /no repository/],
  ['ghcr.io//x', /not a repository/],
  ['ghcr.io/x/', /not a repository/],
  ['localhost/', /no repository/],
  ['docker.io/', /not a repository/],
  ['-x', /not a repository/],
  ['x-', /not a repository/],
  ['_x', /not a repository/],
  ['x_', /not a repository/],
  ['.x', /not a repository/],
  ['x.', /not a repository/],
  ['a..b', /not a repository/],
  ['a.-b', /not a repository/],
  ['a_-b', /not a repository/],
  ['a._b', /not a repository/],
  ['a___b', /not a repository/],
  ['x/_y', /not a repository/],
  ['x/y-', /not a repository/],
  ['x/-y', /not a repository/],
  ['x/.', /not a repository/],
  ['x/..', /not a repository/],
  ['x/../y', /not a repository/],
  ['../x', /not a registry host/],
  ['./x', /not a registry host/],
  ['x/.y/z', /not a repository/],
  ['a$b', /not a repository/],
  ['a+b', /not a repository/],
  ['a%2fb', /not a repository/],
  ['a\\b', /not a repository/],
  ['a\0b', /not a repository/],
  ['a?b', /not a repository/],
  ['a#b', /not a repository/],
  ['a~b', /not a repository/],
  ['größe', /not a repository/],
  ['容器', /not a repository/],
  ['☃.com', /not a repository/],
  ['aa/asdf$$^/aa', /not a repository/],
  ['[fc00::1]', /not a repository/],
  ['[x', /not a repository/],
  // Hosts.
  ['foo_bar.com/x', /not a registry host/],
  ['foo_bar:5000/x', /not a registry host/],
  ['-foo.com/x', /not a registry host/],
  ['foo-.com/x', /not a registry host/],
  ['foo.-bar/x', /not a registry host/],
  ['foo..com/x', /not a registry host/],
  ['.com/x', /not a registry host/],
  ['foo.com./x', /not a registry host/],
  ['foo.com:/x', /not a registry host/],
  ['foo.com:port/x', /not a registry host/],
  ['foo.com:-1/x', /not a registry host/],
  ['foo.com:80:80/x', /not a registry host/],
  ['foo.com:65536/x', /port above/],
  ['[::1]:99999/x', /port above/],
  [':5000/x', /not a registry host/],
  ['user@foo.com/x', /not a registry host/],
  ['user:secret@foo.com/x', /not a registry host/],
  ['::1/x', /not a registry host/],
  ['::1:5000/x', /not a registry host/],
  ['[]/x.y', /not a repository/],
  ['[::1/x', /not a registry host/],
  ['[::1%eth0]/x', /not a registry host/],
  ['[::ffff:1.2.3.4]/x', /not a registry host/],
  ['[::1]5000/x', /not a registry host/],
  ['☃.com/x', /not a registry host/],
  // Tags.
  ['x:', /not a tag/],
  ['x:-1', /not a tag/],
  ['x:.1', /not a tag/],
  ['x:a:b', /not a tag/],
  ['x:a/b', /not a registry host/],
  ['host/x:a/b', /not a tag/],
  ['x:a+b', /not a tag/],
  ['x:ä', /not a tag/],
  [`x:${long(129)}`, /not a tag/],
  [`x:@${sha256}`, /not a tag/],
  ['ghcr.io/x:', /not a tag/],
  // Digests.
  ['x@', /not a digest/],
  ['x@1', /not a digest/],
  ['x@sha256', /not a digest/],
  ['x@sha256:', /not a digest/],
  ['x@sha256:abc', /not a digest/],
  [`x@${hex}`, /not a digest/],
  [`x@sha256:${hex.slice(1)}`, /not a digest/],
  [`x@sha256:${hex}0`, /not a digest/],
  [`x@sha256:${hex.toUpperCase()}`, /not a digest/],
  [`x@SHA256:${hex}`, /not a digest/],
  [`x@sha512:${hex}`, /not a digest/],
  [`x@md5:${hex.slice(32)}`, /not a digest/],
  [`x@sha384:${hex}${hex.slice(32)}`, /not a digest/],
  [`x@${sha256}@${sha256}`, /not a digest/],
  [`x@${sha256}:1`, /not a digest/],
  [`x:1@sha256:${hex.slice(1)}g`, /not a digest/],
  [`@${sha256}`, /not a repository/],
  [`ghcr.io/@${sha256}`, /no repository/],
  [':1', /not a repository/],
  // Lengths.
  [`h.io/${long(256)}`, /more than 255/],
  [`h.io/${long(128)}/${long(127)}`, /more than 255/],
  [long(248), /more than 255/],
  [long(1001), /more than 1000/],
]

describe('parseReference()', () => {
  for (const [typed, full] of accepted) {
    test(`reads ${typed.slice(0, 90)}`, () => assert.equal(formatReference(parseReference(typed)), full))
  }
  for (const [typed, reason] of refused) {
    test(`refuses ${JSON.stringify(typed.slice(0, 90))}`, () => {
      assert.throws(() => parseReference(typed), isInvalid(reason))
    })
  }

  test('takes host, repository, tag and digest apart', () => {
    assert.deepEqual(parseReference('alpine'), { host: 'docker.io', repository: 'library/alpine', tag: 'latest' })
    assert.deepEqual(parseReference(`h:1/a/b@${sha256}`), { host: 'h:1', repository: 'a/b', digest: sha256 })
    const both = { host: 'h:1', repository: 'a/b', tag: 't', digest: sha256 }
    assert.deepEqual(parseReference(`h:1/a/b:t@${sha256}`), both)
  })

  test('says what to type instead', () => {
    const hints = {
      'user/App': 'write "user/app"',
      'https://ghcr.io/a/b': 'leave out "https://"',
      [hex]: `write REPOSITORY@sha256:${hex}`,
      '': 'name an image, for example alpine:3.22',
    }
    for (const [typed, hint] of Object.entries(hints)) {
      assert.throws(
        () => parseReference(typed),
        (error: unknown) => error instanceof ImageError && error.hint === hint,
      )
    }
  })

  test('keeps messages on one short line, whatever was typed', () => {
    assert.throws(
      () => parseReference(`a\n\u001b[31m${long(100_000)}`),
      ({ message }: Error) => message.length < 400 && !/[\n\u001b]/.test(message),
    )
  })

  test('throws nothing but INVALID_ARGUMENT', () => {
    const pieces = fc.constantFrom(
      'a',
      'B',
      '0',
      '.',
      '-',
      '_',
      '/',
      ':',
      '@',
      '[',
      ']',
      '%',
      ' ',
      'é',
      sha256,
      'localhost',
    )
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(pieces, { maxLength: 12 }).map(some => some.join('')),
    )
    fc.assert(
      fc.property(text, typed => {
        try {
          const reference = parseReference(typed)
          assert.deepEqual(parseReference(formatReference(reference)), reference)
          assert.deepEqual(parseReference(familiarReference(reference)), reference)
        } catch (error) {
          assert.ok(error instanceof ImageError && error.code === 'INVALID_ARGUMENT', String(error))
        }
      }),
      { numRuns: 3_000 },
    )
  })
})

describe('familiarReference()', () => {
  for (const [typed, full, short] of accepted) {
    test(`shortens ${full.slice(0, 90)}`, () => {
      assert.equal(familiarReference(parseReference(typed)), short)
      assert.equal(formatReference(parseReference(short)), full)
    })
  }
})

const component = fc.stringMatching(/^[a-z0-9]{1,4}(?:(?:[._]|__|-{1,3})[a-z0-9]{1,4}){0,2}$/)
const reference = fc.record({
  host: fc.constantFrom('docker.io', 'ghcr.io', 'localhost', 'localhost:5000', '[::1]:5000', 'Host', '10.0.0.1'),
  repository: fc.array(component, { minLength: 1, maxLength: 4 }).map(parts => parts.join('/')),
  tag: fc.option(fc.stringMatching(/^\w[\w.-]{0,20}$/)),
  digest: fc.option(fc.constantFrom(sha256, sha512)),
})

test('formatReference() and familiarReference() parse back to what they were made of', () => {
  fc.assert(
    fc.property(reference, ({ host, repository, tag, digest }) => {
      fc.pre(tag !== null || digest !== null)
      fc.pre(host !== 'docker.io' || repository.includes('/'))
      const made = parseReference(
        `${host}/${repository}${tag === null ? '' : `:${tag}`}${digest === null ? '' : `@${digest}`}`,
      )
      assert.deepEqual({ host: made.host, repository: made.repository }, { host, repository })
      assert.deepEqual(parseReference(formatReference(made)), made)
      assert.deepEqual(parseReference(familiarReference(made)), made)
    }),
    { numRuns: 1_000 },
  )
})

function isInvalid(reason: RegExp): (error: unknown) => boolean {
  return error => {
    assert.ok(error instanceof ImageError && error.code === 'INVALID_ARGUMENT', String(error))
    assert.match(error.message, reason)
    return true
  }
}
