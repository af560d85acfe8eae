import type { ExplainedAccess, ExplainedCredentials, ExplainedHost } from '../../registry/explain.ts'
import { formatReference, parseReference } from '../../spec/reference.ts'
import { command } from '../command.ts'
import { jsonFlag, registryFlags } from '../flags.ts'
import { formatFields, formatJson } from '../table.ts'
import { registryOf } from '../typed.ts'

export const explain = command({
  description:
    'Shows the hosts in the order in which they are asked, where each setting and credential is from, and what a token would be asked for. Asks each host how it lets people in; sends no credentials, and shows no secret.',
  arguments: { ref: { summary: 'Image, as in docker pull' } },
  flags: { ...registryFlags, ...jsonFlag },
  async run(context, typed) {
    const reference = parseReference(typed.ref)
    const settings = { ...context.settings, ...(await registryOf(context, [reference], typed)) }
    const { explainHosts } = await import('../../registry/explain.ts')
    const hosts = await explainHosts(settings, reference, context.signal)
    const fallback = settings.fallback ?? true
    const ref = formatReference(reference)
    if (typed.json) return context.write(formatJson({ ref, fallback, hosts }))
    const order = fallback ? 'asked in this order' : 'only the first that can is asked'
    const blocks = hosts.map((host, place) => `\n${place + 1}. ${host.url}\n${indented(formatFields(fieldsOf(host)))}`)
    await context.write(`${ref}, ${order}:\n${blocks.join('')}`)
  },
})

function fieldsOf(host: ExplainedHost): Readonly<Record<string, string | readonly string[] | undefined>> {
  return {
    'stands in for': host.mirrorOf,
    'described in': host.source,
    serves: servedBy(host),
    headers: host.headers.join(', '),
    connection: host.connection,
    credentials: host.credentials === undefined ? 'none' : credentialsIn(host.credentials),
    answers: host.answer,
    'lets in by': host.access === undefined ? undefined : accessIn(host.access),
  }
}

function servedBy({ capabilities }: ExplainedHost): string {
  const served = capabilities.includes('resolve') ? ['tags and content'] : ['content by digest']
  const serves = capabilities.includes('pull') ? served : []
  return [...serves, ...(capabilities.includes('push') ? ['takes what is pushed'] : [])].join('; ') || 'nothing'
}

function credentialsIn({ kind, username, source }: ExplainedCredentials): string {
  return `${kind}${username === undefined ? '' : ` of ${username}`}, from ${source}`
}

function accessIn(access: ExplainedAccess): string | readonly string[] {
  if (access.scheme === 'basic') return 'password'
  const { realm, service, scopes, by } = access
  return [
    'token',
    `realm ${realm}`,
    ...(service === undefined ? [] : [`service ${service}`]),
    ...scopes.map(scope => `scope ${scope}`),
    `asked by ${by}`,
  ]
}

function indented(text: string): string {
  return text.replace(/^/gm, '   ').trimEnd().concat('\n')
}
