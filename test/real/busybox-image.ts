import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { command } from '../support/command.ts'

const users = { bob: 'bob', root: 'root', number: '7:9' }

/** Tags in the layout, by whom the image's process runs as. */
export const busyboxTags = Object.keys(users)

/** A small image as an OCI layout, in `layout`: busybox, some accounts, a volume with something in it. */
export function buildBusyboxImage(directory: string): string {
  const at = (name: string) => join(directory, name)
  const [root, layout] = [at('files'), at('layout')]
  for (const name of ['bin', 'etc', 'home/bob', 'data']) mkdirSync(join(root, name), { recursive: true })
  cpSync('/bin/busybox', join(root, 'bin/busybox'))
  chmodSync(join(root, 'bin/busybox'), 0o755)
  for (const name of ['sh', 'id', 'pwd', 'cat', 'grep', 'hostname'])
    command('ln', '-s', 'busybox', join(root, 'bin', name))
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nbob:x:1001:1002::/home/bob:/bin/sh\n')
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nbob:x:1002:\nstaff:x:50:bob\n')
  writeFileSync(join(root, 'data/seed'), 'seeded\n')
  command('tar', '-C', root, '--owner=0', '--group=0', '-cf', at('layer.tar'), '.')
  command('umoci', 'init', '--layout', layout)
  for (const [tag, user] of Object.entries(users)) {
    const image = `${layout}:${tag}`
    command('umoci', 'new', '--image', image)
    command('umoci', 'raw', 'add-layer', '--image', image, at('layer.tar'))
    const script = 'id -u; id -g; id -G; pwd; echo $GREETING $HOME; cat /data/seed; hostname'
    const config = {
      user,
      entrypoint: '/bin/sh',
      workingdir: '/home/bob',
      volume: '/data',
      stopsignal: 'SIGINT',
      label: 'colour=red',
      exposedports: '80/tcp',
    }
    const flags = Object.entries(config).flatMap(([name, value]) => [`--config.${name}`, value])
    command('umoci', 'config', '--image', image, ...flags, '--config.env', 'GREETING=ahoy', '--author', 'somebody')
    command('umoci', 'config', '--image', image, '--config.cmd', '-c', '--config.cmd', script)
  }
  return layout
}
