import { chmodSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Makes the tree that no layer may change: a setuid file, directories, a symlink, and those to be the working directory
 * (`cwd`) and `$HOME` (`home`) of whatever unpacks. `path` is not there yet.
 */
export function plantSentinel(path: string): void {
  for (const directory of ['', 'sub', 'cwd', 'home']) mkdirSync(join(path, directory), { mode: 0o711 })
  for (const file of ['secret', 'sub/inner', 'cwd/secret', 'home/.profile']) {
    writeFileSync(join(path, file), `${file} of the host\n`, { mode: 0o640 })
  }
  chmodSync(join(path, 'secret'), 0o4755)
  symlinkSync('secret', join(path, 'link'))
  for (const settled of ['secret', 'sub/inner', 'cwd/secret', 'home/.profile', 'sub', 'cwd', 'home', '']) {
    utimesSync(join(path, settled), 1_000_000_000, 1_000_000_000)
  }
}
