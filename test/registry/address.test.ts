import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isWithin, literalIn, type Reach, reachOf } from '../../src/registry/address.ts'

const addresses: Readonly<Record<Reach, readonly string[]>> = {
  public: [
    '1.1.1.1',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.167.1.1',
    '223.255.255.255',
    '2606:4700::1111',
    '::ffff:1.1.1.1',
    '64:ff9b::101:101',
    '2002:101:101::1',
  ],
  private: [
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1',
    'fc00::1',
    'fdff::1',
    '64:ff9b:1::1',
    '::ffff:10.0.0.1',
    '::ffff:a00:1',
    '64:ff9b::10.0.0.1',
    '2002:a00:1::',
  ],
  loopback: [
    '127.0.0.1',
    '127.255.255.254',
    '0.0.0.0',
    '0.1.2.3',
    '::1',
    '0:0:0:0:0:0:0:1',
    '::',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::127.0.0.1',
    '::ffff:0.0.0.0',
    '64:ff9b::7f00:1',
    '2002:7f00:1::1',
  ],
  'link-local': ['169.254.169.254', 'fe80::1', 'fe80::1%eth0', 'febf::1', '::ffff:169.254.169.254'],
  reserved: ['192.0.0.8', '224.0.0.1', '255.255.255.255', 'ff02::1', '', 'localhost', '127.1', '1.2.3.4.5'],
}
for (const [reach, all] of Object.entries(addresses)) {
  test(`reachOf() knows ${reach} addresses, however they are written`, () => {
    for (const address of all) assert.equal(reachOf(address), reach, address)
  })
}

test('isWithin() allows public addresses, private ones to the private, all to what is configured', () => {
  const reaches = Object.keys(addresses) as Reach[]
  const allowed = (within: 'anywhere' | 'private' | 'public') => reaches.filter(reach => isWithin(reach, within))
  assert.deepEqual(allowed('public'), ['public'])
  assert.deepEqual(allowed('private'), ['public', 'private'])
  assert.deepEqual(allowed('anywhere'), reaches)
})

test('literalIn() finds an address in every spelling that a URL allows', () => {
  const literal = (url: string) => literalIn(new URL(url))
  assert.equal(literal('http://2130706433/'), '127.0.0.1')
  assert.equal(literal('http://0x7f.1/'), '127.0.0.1')
  assert.equal(literal('http://[::ffff:127.0.0.1]:80/'), '::ffff:7f00:1')
  assert.equal(literal('http://localhost/'), undefined)
})
