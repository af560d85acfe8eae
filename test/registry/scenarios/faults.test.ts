/** Connections that end before their time, at every place of every answer. */
import { broken, type Ending, type Place } from '../../support/wire/faults.ts'
import { asked, layer } from '../../support/wire/sample.ts'
import { assertAsked, type Scenario, scenarios } from '../../support/wire/scenario.ts'

const endings: Readonly<Record<Ending, string>> = {
  reset: 'F1 F21 a reset',
  close: 'F2 an end',
  fallSilent: 'F6 silence',
}
const places: Readonly<Record<string, Place>> = {
  'before the head': 'before the head',
  'in the head': 'in the head',
  'after the head': 0,
  'after the first byte': 1,
  'in the middle': layer.size >> 1,
  'before the last byte': -1,
}

/** Once in a layer: the pull goes on where it was. */
const inLayer = Object.entries(endings).flatMap(([ending, what]) =>
  Object.entries(places).map(
    ([where, place]): Scenario => ({
      name: `${what} ${where} of a layer is made up for`,
      given: ({ registry }) => registry.on(asked.layer, broken(place, ending as Ending), 1),
      exit: 0,
    }),
  ),
)

/** For ever: the pull gives up in time, and goes on when the registry is itself again. */
const forEver = Object.entries(endings).flatMap(([ending, what]) =>
  Object.entries({ 'before the head': 'before the head', 'after 1,000 bytes': 1_000 } as const).map(
    ([where, place]): Scenario => ({
      name: `${what} ${where} of each answer about a layer ends the pull`,
      given: ({ registry }) => registry.on(asked.layer, broken(place, ending as Ending)),
      exit: 5,
      code: 'UNAVAILABLE',
      also: ({ registry }) => assertAsked(registry, asked.layer, 20),
    }),
  ),
)

/** For ever too, but each connection brings something. */
const dripping = (['reset', 'close'] as const).map(
  (ending): Scenario => ({
    name: `${endings[ending]} after 300,000 bytes of each answer takes a few more requests`,
    given: ({ registry }) => registry.on(asked.layer, broken(300_000, ending)),
    exit: 0,
    also: ({ registry }) => assertAsked(registry, asked.layer, Math.ceil(layer.size / 300_000)),
  }),
)

const documents = [
  ['a HEAD', asked.resolve],
  ['a manifest', asked.manifest],
  ['a config', asked.config],
] as const
const inDocuments = Object.entries(endings).flatMap(([ending, what]) =>
  documents.flatMap(([answer, request]) =>
    (['before the head', 'in the head'] as const).map(
      (place): Scenario => ({
        name: `${what} ${place} of ${answer} is made up for`,
        given: ({ registry }) => registry.on(request, broken(place, ending as Ending), 1),
        exit: 0,
      }),
    ),
  ),
)
const inBodies = Object.entries(endings).flatMap(([ending, what]) =>
  documents.slice(1).map(
    ([answer, request]): Scenario => ({
      name: `${what} before the last byte of ${answer} is made up for`,
      given: ({ registry }) => registry.on(request, broken(-1, ending as Ending), 1),
      exit: 0,
    }),
  ),
)

scenarios('broken connections', [...inLayer, ...forEver, ...dripping, ...inDocuments, ...inBodies])
