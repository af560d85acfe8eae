import { ImageError } from '../../errors.ts'
import { command } from '../command.ts'
import { hostFlags } from '../flags.ts'
import { hostsOf, invalidFlag, passwordFrom, registryNamed } from '../typed.ts'

export const login = command({
  description:
    'The registry is asked first; what it accepts is kept where docker login keeps it: with the helper that config.json names, else in config.json.',
  arguments: { host: { summary: 'Registry, as in references (default: docker.io)', optional: true } },
  flags: {
    ...hostFlags,
    username: { value: 'NAME', short: 'u', summary: 'User name (default: asked for)' },
    passwordStdin: { summary: 'Read the password from stdin (default: asked for)' },
  },
  async run(context, typed) {
    const name = registryNamed(typed.host ?? 'docker.io')
    const settings = { ...context.settings, ...hostsOf(typed) }
    if (typed.passwordStdin && typed.username === undefined)
      throw invalidFlag('--password-stdin', '', 'it needs --username too')
    const username = typed.username ?? (await context.ask('Username'))
    const password = typed.passwordStdin ? await passwordFrom(context) : await context.ask('Password', { secret: true })
    // Both halves are joined by a colon, on the wire and on the disk.
    if (username === '' || username.includes(':'))
      throw new ImageError('INVALID_ARGUMENT', 'Cannot log in: a user name has no colon, and is not empty', {
        argument: 'username',
      })

    const [{ checkLogin }, { keepLogin }] = [
      await import('../../registry/login.ts'),
      await import('../../registry/keep-login.ts'),
    ]
    const isKnown = await checkLogin(settings, name, { username, password }, context.signal)
    if (!isKnown) context.note(`${name} lets everybody in: the password could not be checked`)
    const [file = ''] = settings.authFiles
    const place = await keepLogin(file, name, { username, password }, context.signal)
    await context.write(`Logged in to ${name} as ${username}, kept in ${place}\n`)
    if (place === file)
      context.note(`${file} holds the password as good as in the clear; a credentials store would not`)
  },
})
