/** What a server can do wrong, as scripts. Each notes when its fault is on the wire. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Exchange, Script } from './exchange.ts'
import { headOf, json, type Response } from './message.ts'

type Headers = Readonly<Record<string, string | undefined>>

/** Answers as the registry would; it counts as a fault where it is the one thing that mustn't be asked. */
export const serve: Script = async exchange => {
  exchange.fire()
  await exchange.answer(exchange.honest)
}

/** Answers with this status, and an error body of the specification unless there is another one. */
export function status(code: number, headers: Headers = {}, body: string | undefined = undefined): Script {
  return async exchange => {
    exchange.fire()
    const own = json(code, { errors: [{ code: 'SCRIPTED', message: `it is ${code}` }] })
    const bytes = body === undefined ? own.body : Buffer.from(body, 'latin1')
    await exchange.answer(changed({ ...own, body: bytes }, { 'content-length': `${bytes.length}`, ...headers }))
  }
}

/** Redirects. */
export function redirect(location: string, code = 307): Script {
  return status(code, { location }, '')
}

/** Answers as the registry would but for these headers (undefined: taken away) and these bytes. */
export function withChanges(headers: Headers, body?: (honest: Buffer) => Uint8Array | string): Script {
  return async exchange => {
    const { honest } = exchange
    const bytes = body?.(Buffer.from(honest.body)) ?? honest.body
    const own = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
    const length = body === undefined ? {} : { 'content-length': `${own.length}` }
    exchange.fire()
    await exchange.answer(changed({ ...honest, body: own }, { ...length, ...headers }))
  }
}

/** Serves the whole content with this status, whatever range was asked for. */
export function withoutRange(headers: Headers = {}, code = 200): Script {
  return async exchange => {
    const { request } = exchange
    const whole = exchange.honestTo({
      ...request,
      headers: request.headers.filter(([name]) => !/^(if-)?range$/i.test(name)),
    })
    exchange.fire()
    await exchange.answer(changed({ ...whole, status: code }, headers))
  }
}

/** Sends these bytes, then ends the connection. */
export function bytes(...parts: readonly (string | Uint8Array)[]): Script {
  return async exchange => {
    exchange.fire()
    for (const part of parts) await exchange.send(part)
    await exchange.close()
  }
}

/** How a connection ends before its time. */
export type Ending = 'reset' | 'close' | 'fallSilent'

/** Where it does: before anything was said, within or after the head, or after so many bytes of the body (-1: all but one). */
export type Place = 'before the head' | 'in the head' | number

/** Answers as the registry would, and breaks off at `place`. */
export function broken(place: Place, ending: Ending): Script {
  return async exchange => {
    const { honest, request } = exchange
    const head = headOf(honest)
    if (place === 'in the head') await exchange.send(head.slice(0, head.length / 2))
    if (typeof place === 'number') {
      await exchange.send(head)
      if (request.method === 'GET') await exchange.send(honest.body.subarray(0, place), { counted: true })
    }
    exchange.fire()
    await exchange[ending]()
  }
}

/** Sends what the registry would in pieces of `size` bytes, one each `everyMs`; the head too when `from` says so. */
export function trickle(size: number, everyMs: number, from: 'head' | 'body' = 'body'): Script {
  return async exchange => {
    const { honest } = exchange
    const head = Buffer.from(headOf(honest))
    if (from === 'body') await exchange.send(head)
    exchange.fire()
    const slow = from === 'body' ? honest.body : Buffer.concat([head, honest.body])
    for (let at = 0; at < slow.length; at += size) {
      if (!(await exchange.send(slow.subarray(at, at + size), { counted: from === 'body' }))) return
      await sleep(everyMs)
    }
  }
}

/** Sends `start`, then `piece` for ever. The fault is there once `atLeast` bytes were taken. */
export function endless(start: string, piece: string | Uint8Array, atLeast = 0): Script {
  return async exchange => {
    await exchange.send(start)
    if (atLeast === 0) exchange.fire()
    for (let sent = 0; await exchange.send(piece, { counted: true }); sent += piece.length) {
      if (sent < atLeast && sent + piece.length >= atLeast) exchange.fire()
    }
  }
}

/** The body in chunks, as `frame` writes them; `end` closes the body, or fails to. */
export function chunked(frame: (part: Uint8Array) => (string | Uint8Array)[], end: string): Script {
  return async exchange => {
    const { honest } = exchange
    const head = changed(honest, { 'content-length': undefined, 'transfer-encoding': 'chunked' })
    await exchange.send(headOf(head))
    for (let at = 0; at < honest.body.length; at += 65_536) {
      for (const part of frame(honest.body.subarray(at, at + 65_536))) {
        await exchange.send(part, { counted: typeof part !== 'string' })
      }
    }
    exchange.fire()
    await exchange.send(end)
    if (end !== lastChunk) await exchange.close()
  }
}

export const lastChunk = '0\r\n\r\n'

export function asChunk(part: Uint8Array): (string | Uint8Array)[] {
  return [`${part.length.toString(16)}\r\n`, part, '\r\n']
}

/** Runs `before`, then another script. */
export function after(before: (exchange: Exchange) => Promise<unknown> | unknown, script: Script): Script {
  return async exchange => {
    await before(exchange)
    await script(exchange)
  }
}

function changed(response: Response, headers: Headers): Response {
  const names = Object.keys(headers)
  const kept = response.headers.filter(([name]) => !names.includes(name.toLowerCase()))
  const added = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  )
  return { ...response, headers: [...kept, ...added] }
}
