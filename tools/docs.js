// Writes docs/cli.md and docs/errors.md from the compiled code: `npm run types && node tools/docs.js`.
// With `--check` it writes nothing and fails when they are out of date.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { argumentUsage, flagName } from '../build/src/cli/command.js'
import { commands, groups } from '../build/src/cli/commands/index.js'
import { exitMeanings, exitStatus, statusOfCode } from '../build/src/cli/exit-status.js'
import { globalFlags } from '../build/src/cli/flags.js'

const root = new URL('..', import.meta.url).pathname
const notice = '<!-- Made by tools/docs.js from the code; edit that. -->\n'

const pages = { 'docs/cli.md': await cliPage(), 'docs/errors.md': errorsPage() }
const stale = Object.entries(pages).filter(([path, text]) => read(path) !== text)
if (process.argv.includes('--check')) {
  for (const [path] of stale) console.error(`${path} is out of date: run node tools/docs.js`)
  process.exit(stale.length > 0 ? 1 : 0)
}
mkdirSync(`${root}docs`, { recursive: true })
for (const [path, text] of stale) writeFileSync(root + path, text)

async function cliPage() {
  const sections = []
  for (const entry of commands) sections.push(commandSection(entry, await entry.load()))
  return `${notice}
# Command line

\`davit [FLAGS] COMMAND\`

An image is named as people type it: \`alpine\`, \`ghcr.io/a/b:1\`, \`host:5000/x@sha256:…\`. stdout carries only the
result; progress, warnings and errors go to stderr. An error is one line, and its exit status says of what kind it is.

${table(
  ['command', 'what it does'],
  commands.map(({ name, summary }) => [`[\`${name}\`](#${anchor(name)})`, summary]),
)}
## Flags of every command

${flagTable(globalFlags)}
${sections.join('\n')}
## Exit status

${table(
  ['status', 'meaning'],
  Object.entries(exitStatus).map(([name, status]) => [String(status), exitMeanings[name]]),
)}
## Groups

${table(
  ['group', 'what it holds'],
  Object.entries(groups).map(([name, summary]) => [`\`${name}\``, summary]),
)}`
}

function commandSection({ name, summary }, command) {
  const words = Object.entries(command.arguments)
  const usage = ['davit', name, '[FLAGS]', ...words.map(([word, argument]) => argumentUsage(word, argument))].join(' ')
  const parts = [
    `## davit ${name}\n`,
    `\`${usage}\`\n`,
    `${summary}.${command.description ? ` ${command.description}` : ''}\n`,
  ]
  if (words.length > 0) {
    const rows = words.map(([word, argument]) => [`\`${argumentUsage(word, argument)}\``, argument.summary])
    parts.push(table(['argument', 'what it is'], rows))
  }
  if (Object.keys(command.flags).length > 0) parts.push(flagTable(command.flags))
  return parts.join('\n')
}

function flagTable(flags) {
  const rows = Object.entries(flags).map(([key, { value, summary, short, choices, many }]) => {
    const notes = [
      choices ? `one of ${choices.map(choice => `\`${choice}\``).join(', ')}` : '',
      many ? 'may come several times' : '',
    ]
    return [
      `\`${short ? `-${short}, ` : ''}${flagName(key)}${value ? ` ${value}` : ''}\``,
      [summary, ...notes.filter(Boolean)].join('; '),
    ]
  })
  return table(['flag', 'what it does'], rows)
}

/** Codes as src/errors.ts declares them: `CODE: { details }`, with the comment before. */
function errorsPage() {
  const source = read('src/errors.ts') ?? ''
  const body = source.slice(source.indexOf('interface ErrorDetails'), source.indexOf('export type ErrorCode'))
  const declared = [...body.matchAll(/(?:\/\*\* ([^*]*) \*\/\s*)?([A-Z_]+): \{ ([^}]*) \}/g)]
  const rows = declared.map(([, comment = '', code, details]) => {
    const members = details.split('; ').map(member => `\`${member.replace('readonly ', '').replaceAll('|', '\\|')}\``)
    return [`\`${code}\``, comment, members.join(', '), String(statusOfCode[code])]
  })
  const undocumented = Object.keys(statusOfCode).filter(code => !rows.some(([cell]) => cell === `\`${code}\``))
  if (undocumented.length > 0) throw new Error(`no declaration found for ${undocumented.join(', ')}`)
  return `${notice}
# Errors

Every failure that davit understands is an \`ImageError\`: match its \`code\` (with \`hasCode\`), read its \`details\`,
never its text. Abort reasons arrive as they were, and so do errors of the operating system, unless davit knows more.

${table(['code', 'when', 'details', 'exit status'], rows)}`
}

function table(head, rows) {
  const line = cells => `| ${cells.join(' | ')} |\n`
  return `${line(head)}${line(head.map(() => '---'))}${rows.map(line).join('')}`
}

function anchor(name) {
  return `davit-${name.replaceAll(' ', '-')}`
}

function read(path) {
  try {
    return readFileSync(root + path, 'utf8')
  } catch {
    return undefined
  }
}
