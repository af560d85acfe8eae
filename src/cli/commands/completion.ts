import { command } from '../command.ts'
import { bash } from '../completion/bash.ts'
import { fish } from '../completion/fish.ts'
import { allWords } from '../completion/words.ts'
import { zsh } from '../completion/zsh.ts'

const shells = { bash, zsh, fish } as const

export const completion = command({
  description: 'For this shell: source <(davit completion bash). For fish: davit completion fish | source.',
  arguments: { shell: { summary: 'bash, zsh or fish', choices: ['bash', 'zsh', 'fish'] } },
  flags: {},
  async run(context, { shell }) {
    await context.write(shells[shell](await allWords()))
  },
})
