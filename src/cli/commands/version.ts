import { version as number } from '../../version.ts'
import { command } from '../command.ts'
import { jsonFlag } from '../flags.ts'
import { formatJson } from '../table.ts'

export const version = command({
  arguments: {},
  flags: { ...jsonFlag },
  async run(context, { json }) {
    await context.write(json ? formatJson({ version: number }) : `davit ${number}\n`)
  },
})
