import { TrestleError } from 'trestle/contract'

interface Level {
  readonly kind: 'text' | 'one' | 'rest'
  readonly text: string
}

/** A path with captures: `/in/{device}/{rest...}`. */
export class PathTemplate {
  readonly template: string
  readonly names: readonly string[]
  readonly #levels: readonly Level[]

  /** *Errors*: E104. */
  constructor(template: string) {
    this.template = template
    this.#levels = template.split('/').slice(1).map(levelOf)
    this.names = this.#levels.filter(({ kind }) => kind !== 'text').map(({ text }) => text)
    const restAt = this.#levels.findIndex(({ kind }) => kind === 'rest')
    const twice = new Set(this.names).size !== this.names.length
    if (twice || (restAt >= 0 && restAt !== this.#levels.length - 1)) {
      const advice = 'each name once, and `{name...}` only at the end'
      throw new TrestleError('E104', `path: \`${template}\` cannot be matched`, { detail: { advice } })
    }
  }

  /** How many levels are no captures. */
  get weight(): number {
    return this.#levels.length - this.names.length
  }

  /** The captures of a path, decoded; null when it does not match. A captured level never has a slash in it. */
  match(path: string): Map<string, string> | null {
    const given = path.split('/').slice(1)
    const captures = new Map<string, string>()
    for (const [at, { kind, text }] of this.#levels.entries()) {
      if (kind === 'rest') {
        const rest = decode(given.slice(at))
        return rest === null || rest === '' ? null : captures.set(text, rest)
      }
      const level = decode(given.slice(at, at + 1))
      if (level === null) return null
      if (kind === 'text' ? level !== text : level === '') return null
      if (kind === 'one') captures.set(text, level)
    }
    return given.length === this.#levels.length ? captures : null
  }
}

function levelOf(text: string): Level {
  const capture = /^\{([A-Za-z_]\w*)(\.\.\.)?\}$/.exec(text)
  if (capture !== null) return { kind: capture[2] === undefined ? 'one' : 'rest', text: capture[1]! }
  if (!/[{}]/.test(text)) return { kind: 'text', text }
  const advice = 'a capture is a whole level: /in/{device}'
  throw new TrestleError('E104', `path: \`${text}\` is no level`, { detail: { advice } })
}

/** Null for what is not there or not percent-encoded UTF-8, and for a slash that hides in an encoding. */
function decode(levels: readonly string[]): string | null {
  if (levels.length === 0) return null
  try {
    const decoded = levels.map(decodeURIComponent)
    return decoded.some((level) => level.includes('/')) ? null : decoded.join('/')
  } catch {
    return null
  }
}
