import { errnoOf, ImageError } from '../errors.ts'

/** What people can mend (a full disk, a read-only root) gets its own code; other errors pass through. */
export function diskError(error: unknown, path: string): unknown {
  switch (errnoOf(error)) {
    case 'ENOSPC':
    case 'EDQUOT': {
      const hint = 'free some space there, or try: davit gc'
      return new ImageError('NO_SPACE', `Cannot write ${path}: no space left`, { path }, { cause: error, hint })
    }
    case 'EROFS':
    case 'EACCES':
    case 'EPERM': {
      const hint = 'choose a directory of your own'
      const message = `Cannot write ${path}: access denied (${errnoOf(error)})`
      return new ImageError('DENIED', message, { what: path }, { cause: error, hint })
    }
    default:
      return error
  }
}
