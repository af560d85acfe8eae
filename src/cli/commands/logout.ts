import { command } from '../command.ts'
import { registryNamed } from '../typed.ts'

export const logout = command({
  description:
    'Removes what login keeps. Other files with credentials for the registry are named, and left as they are.',
  arguments: { host: { summary: 'Registry, as in references (default: docker.io)', optional: true } },
  flags: {},
  async run(context, typed) {
    const name = registryNamed(typed.host ?? 'docker.io')
    const [file = '', ...others] = context.settings.authFiles
    const [{ dropLogin }, { findCredentials }] = [
      await import('../../registry/keep-login.ts'),
      await import('../../registry/credentials.ts'),
    ]
    const wasKept = await dropLogin(file, name, context.signal)
    await context.write(wasKept ? `Logged out of ${name}\n` : `Not logged in to ${name}\n`)
    const left = await findCredentials({ authFiles: others }, { name }, '', context.signal)
    if (left !== undefined) context.note(`Credentials for ${name} are still in ${left.source}`)
  },
})
