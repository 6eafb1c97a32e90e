/** What stands in a secret's place. */
export const mask = '•••'

/** Shorter ones are masked only where they are a whole value: `1` or `yes` inside other words is not the secret. */
const minInsideLength = 4

/**
 * Takes secrets out of texts and values. A secret is found as it is, and as JSON, URLs and base64 spell it.
 * Longer secrets go first, so that one which contains another leaves nothing of itself.
 */
export class Redactor {
  readonly #whole: ReadonlySet<string>
  readonly #inside: RegExp | null

  constructor(secrets: Iterable<string>) {
    this.#whole = new Set(secrets)
    const spellings = new Set(
      [...this.#whole].filter((secret) => secret.length >= minInsideLength).flatMap(spellingsOf),
    )
    const longestFirst = [...spellings].sort((a, b) => b.length - a.length).map(literally)
    this.#inside = longestFirst.length === 0 ? null : new RegExp(longestFirst.join('|'), 'g')
  }

  text(text: string): string {
    if (this.#whole.has(text)) return mask
    return this.#inside === null ? text : text.replace(this.#inside, mask)
  }

  /** A copy of plain data with every string in it redacted, keys too. */
  value(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value)
    if (typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) return value.map((item) => this.value(item))
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [this.text(key), this.value(item)]))
  }
}

const spellingsOf = (secret: string): string[] => [
  secret,
  JSON.stringify(secret).slice(1, -1),
  encodeURIComponent(secret),
  Buffer.from(secret).toString('base64'),
]

const literally = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
