/** Registries that lead into the machine that asks. */
import assert from 'node:assert/strict'
import { redirect } from '../../support/wire/faults.ts'
import { challengeWith, guardByPassword } from '../../support/wire/guard.ts'
import type { Lab } from '../../support/wire/lab.ts'
import { asked } from '../../support/wire/sample.ts'
import { assertAsked, type Scenario, scenarios } from '../../support/wire/scenario.ts'

/** In every spelling, PORT being that of a service that must not be asked. */
const addresses = [
  '127.0.0.1:PORT',
  '127.0.0.2:PORT',
  '127.1:PORT',
  '2130706433:PORT',
  '0x7f.1:PORT',
  '0177.0.0.1:PORT',
  '0.0.0.0:PORT',
  '0:PORT',
  'localhost:PORT',
  '[::1]:PORT',
  '[::]:PORT',
  '[::ffff:127.0.0.1]:PORT',
  '[::ffff:7f00:1]:PORT',
  '[64:ff9b::7f00:1]:PORT',
  '[2002:7f00:1::]:PORT',
  '169.254.169.254',
  '[fe80::1]',
  '10.0.0.1',
  '172.16.0.1:PORT',
  '192.168.0.1',
  '100.64.0.1',
  '[fd00::1]',
]

/** A service of this machine, and `address` with its port. */
async function within(lab: Lab, address: string): Promise<string> {
  const inside = await lab.host('inside', { address: '127.0.0.1' })
  return `http://${address.replace('PORT', new URL(inside.origin).port)}`
}

function untouchedInside({ hosts }: Lab): void {
  assert.deepEqual(hosts.get('inside')?.connections, [])
}

scenarios('bounds', [
  ...addresses.map(
    (address): Scenario => ({
      name: `T2 a redirect to ${address} is refused`,
      async given(lab) {
        guardByPassword(lab.registry)
        lab.registry.on(asked.layer, redirect(`${await within(lab, address)}/secrets`))
      },
      exit: 7,
      code: 'UNSAFE',
      message: /may not lead there/,
      secretsTo: ['registry'],
      also(lab) {
        untouchedInside(lab)
        assertAsked(lab.registry, asked.layer, 1)
      },
    }),
  ),
  ...['127.0.0.1:PORT', '[::ffff:127.0.0.1]:PORT', 'localhost:PORT', '169.254.169.254'].map(
    (address): Scenario => ({
      name: `T2 T3 a realm at ${address} is not asked`,
      async given(lab) {
        const realm = `${await within(lab, address)}/token`
        lab.registry.on(/ \/v2\//, challengeWith(`Bearer realm="${realm}"`))
      },
      exit: 7,
      code: 'UNSAFE',
      leaves: 'nothing',
      also: untouchedInside,
    }),
  ),
  {
    name: 'T2 the command names the flag that permits it',
    by: 'command',
    async given(lab) {
      lab.registry.on(asked.layer, redirect(`${await within(lab, '127.0.0.1:PORT')}/secrets`))
    },
    exit: 7,
    code: 'UNSAFE',
    also: (lab, { text }) => {
      untouchedInside(lab)
      assert.match(text, /--allow-host 127\.0\.0\.1:\d+/)
    },
  },
  {
    name: 'T2 the command goes where its user permits it',
    by: 'command',
    async given(lab) {
      const other = await lab.host('storage')
      lab.allowed.push(other.authority)
      lab.registry.on(asked.layer, async exchange => {
        await redirect(`${other.origin}${exchange.request.target}`)(exchange)
      })
    },
    exit: 0,
  },
])
